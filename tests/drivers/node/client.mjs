// What an application on node-postgres does; a line of JSON for each thing.
import pg from "pg";
import Cursor from "pg-cursor";

const [, , port, user, password] = process.argv;
const pool = new pg.Pool({ host: "127.0.0.1", port: Number(port), user, password, database: "shop", max: 2 });
const say = (what) => console.log(JSON.stringify(what));
const rows = async (...query) => (await pool.query(...query)).rows;

say(await rows("select id, email, tags, birth_date::text from customers where id = 1"));
say(await rows("select id, ssn from customers where id = any($1::int[]) order by id", [[1, 2]]));
for (let time = 0; time < 3; time++) await rows({ name: "by-id", text: "select ssn from customers where id = $1", values: [1] });
say(await rows({ name: "by-id", text: "select ssn from customers where id = $1", values: [2] }));

const client = await pool.connect();
const cursor = client.query(new Cursor("select id, email from customers order by id"));
say((await cursor.read(2)).concat(await cursor.read(1)));
await cursor.close();
try {
  await client.query("begin");
  await client.query("delete from items");
} catch (refused) {
  say([refused.code, refused.hint !== undefined]);
}
await client.query("rollback");
say((await client.query("select current_user = $1 as mine", ["nobody"])).rows);
client.release();
await pool.end();
