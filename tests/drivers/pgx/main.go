// What an application on pgx does: every way it has to run a query, batches, types, COPY.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
)

func main() {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer conn.Close(ctx)
	modes := []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}
	for _, mode := range modes {
		for time := 0; time < 2; time++ {
			var id int32
			var email string
			var tags []string
			err := conn.QueryRow(ctx, "select id, email, tags from customers where id = $1", mode, 2).Scan(&id, &email, &tags)
			fmt.Println(id, email, tags, err)
		}
	}
	found, err := conn.LoadType(ctx, "customers")
	fmt.Println(found != nil, err)
	batch := &pgx.Batch{}
	for id := 1; id < 3; id++ {
		batch.Queue("select ssn from customers where id = $1", id)
	}
	results := conn.SendBatch(ctx, batch)
	for id := 1; id < 3; id++ {
		var ssn string
		err := results.QueryRow().Scan(&ssn)
		fmt.Println(ssn, err)
	}
	results.Close()
	tx, err := conn.Begin(ctx)
	fmt.Println(err)
	_, err = tx.Exec(ctx, "create temp table got (id int, name text)")
	fmt.Println(err)
	copied, err := tx.CopyFrom(ctx, pgx.Identifier{"got"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{1, "a"}, {2, "b"}}))
	fmt.Println(copied, err)
	fmt.Println(tx.Rollback(ctx))
}
