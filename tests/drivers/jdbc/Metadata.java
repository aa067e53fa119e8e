// All that PostgreSQL's JDBC driver asks of the catalogs for DatabaseMetaData, a line for each row, then some reading.
import java.sql.*;
import java.util.*;

public class Metadata {
    interface Asked { ResultSet of(DatabaseMetaData about) throws SQLException; }

    public static void main(String[] given) throws Exception {
        Map<String, Asked> asked = new LinkedHashMap<>();
        asked.put("tables", about -> about.getTables(null, "public", "%", null));
        asked.put("columns", about -> about.getColumns(null, "public", "%", "%"));
        asked.put("primary", about -> about.getPrimaryKeys(null, "public", "customers"));
        asked.put("imported", about -> about.getImportedKeys(null, "public", "orders"));
        asked.put("exported", about -> about.getExportedKeys(null, "public", "customers"));
        asked.put("crossed", about -> about.getCrossReference(null, "public", "customers", null, "public", "orders"));
        asked.put("indexes", about -> about.getIndexInfo(null, "public", "customers", false, true));
        asked.put("types", DatabaseMetaData::getTypeInfo);
        asked.put("functions", about -> about.getFunctions(null, "pg_catalog", "lo%"));
        asked.put("function columns", about -> about.getFunctionColumns(null, "pg_catalog", "lower", "%"));
        asked.put("procedures", about -> about.getProcedures(null, "pg_catalog", "lo%"));
        asked.put("schemas", DatabaseMetaData::getSchemas);
        asked.put("catalogs", DatabaseMetaData::getCatalogs);
        asked.put("rights", about -> about.getTablePrivileges(null, "public", "items"));
        asked.put("column rights", about -> about.getColumnPrivileges(null, "public", "items", "%"));
        asked.put("row", about -> about.getBestRowIdentifier(null, "public", "items", DatabaseMetaData.bestRowSession, true));
        asked.put("user types", about -> about.getUDTs(null, "public", "%", null));
        Properties who = new Properties();
        who.put("user", given[1]);
        who.put("password", given[2]);
        try (Connection connection = DriverManager.getConnection(given[0], who)) {
            DatabaseMetaData about = connection.getMetaData();
            for (Map.Entry<String, Asked> one : asked.entrySet()) {
                try (ResultSet rows = one.getValue().of(about)) {
                    show(one.getKey(), rows);
                }
            }
            System.out.println(about.getMaxColumnsInIndex() + " " + about.getMaxColumnNameLength() + " " + about.getSQLKeywords());
            System.out.println("--");
            connection.setAutoCommit(false);
            try (PreparedStatement statement = connection.prepareStatement("select id, email, tags from customers where id < ? order by id")) {
                statement.setFetchSize(2);
                // From the fifth time on it is a named statement, with values in binary.
                for (int time = 0; time < 7; time++) {
                    statement.setInt(1, 4);
                    show("read", statement.executeQuery());
                }
            }
            connection.rollback();
        }
    }

    static void show(String what, ResultSet rows) throws SQLException {
        int width = rows.getMetaData().getColumnCount();
        while (rows.next()) {
            StringBuilder line = new StringBuilder(what);
            for (int at = 1; at <= width; at++) line.append('|').append(String.valueOf(rows.getString(at)).replace('\n', ' '));
            System.out.println(line);
        }
    }
}
