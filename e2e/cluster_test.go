package e2e_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"orderly/internal/testkit"
)

// cluster is a Postgres of the test's own, which can be stopped and come back with its data on the same port.
type cluster struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
	// url is the empty database in it, as the superuser.
	url string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir()}
	// Postgres does not run as root, and must be able to enter.
	if err := os.Chmod(filepath.Dir(c.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	// The port of the last start is taken again. The first one that devstack would find is what others find, too, while this is stopped.
	last := port(testkit.FreeAddrs(t, 1)[0])
	if err := os.WriteFile(filepath.Join(c.dir, "postgres.port"), []byte(last+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	c.start()
	return c
}

// start returns when the server takes connections.
func (c *cluster) start() {
	c.t.Helper()
	c.cmd = exec.Command(os.Getenv("DEVSTACK_BIN"), "up", "--data", c.dir, "--fsync=false")
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); name != "DATABASE_URL" && name != "TEMPORAL_ADDRESS" {
			c.cmd.Env = append(c.cmd.Env, variable)
		}
	}
	c.cmd.Env = append(c.cmd.Env, "TEMPORAL_ADDRESS=127.0.0.1:1") // only a Postgres is needed
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "DATABASE_URL="); ok {
			if c.url != "" && url != c.url {
				c.t.Fatalf("Postgres came back at %s, it was at %s", url, c.url)
			}
			c.url = url
			return
		}
	}
	c.t.Fatalf("no Postgres was started: %v", c.cmd.Wait())
}

// stop ends the server as its administrator does, and waits until it is gone.
func (c *cluster) stop() {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.cmd.Wait()
	c.cmd = nil
}

// do runs statements as the superuser, each in a transaction of its own.
func (c *cluster) do(statements ...string) {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.url)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close(c.t.Context()) }()
	for _, statement := range statements {
		if _, err := conn.Exec(c.t.Context(), statement); err != nil {
			c.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// write has the server write a file into its data directory: it is the server's own then, whoever runs the test.
func (c *cluster) write(name string, content []byte) {
	c.t.Helper()
	c.do(fmt.Sprintf(`COPY (SELECT '%s') TO PROGRAM 'umask 077; base64 -d > %s'`, base64.StdEncoding.EncodeToString(content), name))
}

// speakTLS gives the server a certificate, and takes only its clients who use it and know a password.
func (c *cluster) speakTLS(certFile, keyFile string) {
	c.t.Helper()
	for name, path := range map[string]string{"server.crt": certFile, "server.key": keyFile} {
		content, err := os.ReadFile(path)
		if err != nil {
			c.t.Fatal(err)
		}
		c.write(name, content)
	}
	c.write("pg_hba.conf", []byte("host all orderly 127.0.0.1/32 trust\nhostssl orderly all 127.0.0.1/32 scram-sha-256\n"))
	c.do("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
}

// address is the database as a login, with parameters.
func (c *cluster) address(login, password, parameters string) string {
	_, rest, _ := strings.Cut(c.url, "@")
	place, _, _ := strings.Cut(rest, "?")
	return "postgres://" + login + ":" + password + "@" + place + "?" + parameters
}

// openIn is a system whose database is in a cluster, which its services reach by a URL.
func openIn(t *testing.T, url string, env ...string) shop {
	t.Helper()
	s := shop{testkit.Start(t, nil, env...), t}
	s.Setenv("DATABASE_URL=" + url)
	s.DatabaseURL = url
	s.cli(0, "migrate")
	s.Key = strings.TrimSpace(s.cli(0, "keys", "create", "test").stdout)
	return s
}
