package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const insufficientPrivilege = "42501"

// ErrNotAllowed says that the role lacks a privilege that somebody with more rights can give it.
var ErrNotAllowed = errors.New("not allowed")

const databaseExists = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`

// EnsureDatabases creates those of the databases that do not exist, in the cluster that url leads to.
func EnsureDatabases(ctx context.Context, url string, names ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	for _, name := range names {
		var exists bool
		if err := conn.QueryRow(ctx, databaseExists, name).Scan(&exists); err != nil {
			return fmt.Errorf("look for database %s: %w", name, err)
		}
		if exists {
			continue
		}
		_, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
		var refusal *pgconn.PgError
		if errors.As(err, &refusal) && refusal.Code == insufficientPrivilege {
			return fmt.Errorf("%w: role %s may not create database %s", ErrNotAllowed, conn.Config().User, name)
		}
		if err != nil {
			return fmt.Errorf("create database %s: %w", name, err)
		}
	}
	return nil
}

// DropDatabases removes databases together with whoever is still connected to them.
func DropDatabases(ctx context.Context, url string, names ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("drop database %s: %w", name, err)
		}
	}
	return nil
}
