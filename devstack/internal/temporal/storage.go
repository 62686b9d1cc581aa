package temporal

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	v12 "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/tools/common/schema"
	"go.temporal.io/server/tools/sql"
)

// sqlConfig translates a Postgres connection string into the server's terms, for another database of that cluster.
func sqlConfig(databaseURL, database string, connections int) (*config.SQL, error) {
	parsed, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	attributes := connectAttributes(databaseURL)
	address := net.JoinHostPort(parsed.Host, strconv.Itoa(int(parsed.Port)))
	if strings.HasPrefix(parsed.Host, "/") { // a socket: the address is only a placeholder then
		attributes["host"], attributes["port"] = parsed.Host, strconv.Itoa(int(parsed.Port))
		address = "localhost"
	}
	return &config.SQL{
		PluginName:        postgresql.PluginNamePGX,
		ConnectProtocol:   "tcp",
		ConnectAddr:       address,
		User:              url.PathEscape(parsed.User), // the plugin escapes the password only
		Password:          parsed.Password,
		DatabaseName:      database,
		ConnectAttributes: attributes,
		MaxConns:          connections,
		MaxIdleConns:      connections,
	}, nil
}

// connectAttributes keeps how the connection is secured. The plugin would turn TLS off when nothing is said.
func connectAttributes(databaseURL string) map[string]string {
	attributes := map[string]string{"sslmode": "prefer"}
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		return attributes
	}
	for name, values := range parsed.Query() {
		if strings.HasPrefix(name, "ssl") {
			attributes[name] = values[0]
		}
	}
	return attributes
}

// migrate brings a database to the schema of this server version. It is idempotent, also after an interruption.
//
// It does what Temporal's temporal-sql-tool does, through the same tasks; the tool itself prints its progress and exits
// the process on an error.
func migrate(store *config.SQL, schemaName, version string, logger log.Logger) error {
	conn, err := sql.NewConnection(store, logger)
	if err != nil {
		return fmt.Errorf("connect to database %s: %w", store.DatabaseName, err)
	}
	defer conn.Close()

	current, err := conn.ReadSchemaVersion()
	if err == nil && current == version {
		return nil
	}
	if err != nil {
		setup := schema.NewSetupSchemaTask(conn, &schema.SetupConfig{InitialVersion: "0.0"}, logger)
		if err := setup.Run(); err != nil {
			return fmt.Errorf("set up the schema of %s: %w", store.DatabaseName, err)
		}
	}
	update := schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{DBName: store.DatabaseName, SchemaName: schemaName}, logger)
	if err := update.Run(); err != nil {
		return fmt.Errorf("update the schema of %s: %w", store.DatabaseName, err)
	}
	return nil
}

func migrateAll(store, visibility *config.SQL, logger log.Logger) error {
	if err := migrate(store, "postgresql/v12/temporal", v12.Version, logger); err != nil {
		return err
	}
	return migrate(visibility, "postgresql/v12/visibility", v12.VisibilityVersion, logger)
}
