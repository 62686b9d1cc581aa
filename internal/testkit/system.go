package testkit

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"orderly/internal/keyset"
	"orderly/internal/temporalclient"
)

// Patience is how long tests wait for what must happen: no promise is in it, only that a test ends. It is generous, for machines
// that have much else to do.
const Patience = 3 * time.Minute

// WebhookSecret signs the carriers' news of all test systems.
const WebhookSecret = "whsec_dGVzdC1zZWNyZXQtb2Ytb3JkZXJseS0zMi1ieXRlcyE="

// System is a running Orderly with a simulator, as processes of the real binary, on a database and a Temporal namespace
// of its own.
type System struct {
	URL, Key, SimulatorURL string
	DatabaseURL, Namespace string
	// ArchiveDir is where the system looks for archived orders.
	ArchiveDir string

	t   testing.TB
	dir string
	env []string

	mu        sync.Mutex
	processes map[string]*exec.Cmd
	temporal  client.Client
}

// transit names the environment variable that says how long the simulator's parcels take between scans; "off" leaves them to
// the test.
const transit = "ORDERLY_SIMULATOR_TRANSIT"

// Start starts a system for a test: the simulator, and a process for each of the given roles (as "--all", or "--api"
// and "--worker" apart). Environment variables come as NAME=value.
func Start(t testing.TB, roles []string, env ...string) *System {
	t.Helper()
	databaseURL := DatabaseURL(t)
	addrs := FreeAddrs(t, 2)
	dir := t.TempDir()
	s := &System{
		URL: "http://" + addrs[0], SimulatorURL: "http://" + addrs[1], DatabaseURL: databaseURL, Namespace: Namespace(t),
		t: t, dir: dir, ArchiveDir: filepath.Join(dir, "archive"), processes: map[string]*exec.Cmd{},
	}
	s.env = append(os.Environ(), "ORDERLY_ARCHIVE_DIR="+s.ArchiveDir, "ORDERLY_MASTER_KEYS="+keyset.Generate("test"), "ORDERLY_TEMPORAL_KEYS="+keyset.Generate("test"), "DATABASE_URL="+databaseURL, "TEMPORAL_NAMESPACE="+s.Namespace, "ORDERLY_HTTP_ADDR="+addrs[0],
		"ORDERLY_URL="+s.URL, "ORDERLY_SIMULATOR_URL="+s.SimulatorURL, "ORDERLY_WEBHOOK_SECRET="+WebhookSecret,
		"ORDERLY_RETRY_FIRST=100ms", "ORDERLY_RETRY_MAX=500ms", "ORDERLY_BOOK_TRIES=3", "ORDERLY_CLOSE_AFTER=0s", "ORDERLY_DRAIN_DELAY=0s")
	s.env = append(s.env, env...)
	key, err := s.Run("keys", "create", "test")
	if err != nil {
		t.Fatalf("create an API key: %v\n%s", err, key)
	}
	s.Key = strings.TrimSpace(key)
	t.Cleanup(s.stopAll)
	s.launch("simulator", "simulator", "--addr", addrs[1], "--data", filepath.Join(s.dir, "simulator"), "--transit", s.variable(transit, "50ms"))
	s.await(s.SimulatorURL + "/livez")
	for _, role := range roles {
		s.StartRole(role)
	}
	return s
}

// variable is the last word of the system's environment on a variable.
func (s *System) variable(name, otherwise string) string {
	for _, each := range slices.Backward(s.env) {
		if value, ok := strings.CutPrefix(each, name+"="); ok {
			return value
		}
	}
	return otherwise
}

// Temporal is a client in the system's namespace.
func (s *System) Temporal() client.Client {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.temporal != nil {
		return s.temporal
	}
	options := client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS"), Namespace: s.Namespace, Identity: "test"}
	options.ConnectionOptions.DialOptions = []grpc.DialOption{grpc.WithChainUnaryInterceptor(patiently)}
	temporal, err := client.Dial(temporalclient.Encrypt(options, s.temporalKeys()))
	if err != nil {
		s.t.Fatalf("reach Temporal: %v", err)
	}
	s.t.Cleanup(temporal.Close)
	s.temporal = temporal
	return temporal
}

// patiently gives each call Patience instead of the ten seconds of the SDK.
func patiently(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Patience)
	defer cancel()
	return call(ctx, method, request, reply, conn, options...)
}

// TemporalCodec decrypts what the system has given to Temporal.
func (s *System) TemporalCodec() *temporalclient.Codec {
	return temporalclient.NewCodec(s.temporalKeys())
}

func (s *System) temporalKeys() keyset.Set {
	s.t.Helper()
	keys, err := keyset.Parse(s.variable("ORDERLY_TEMPORAL_KEYS", ""))
	if err != nil {
		s.t.Fatalf("ORDERLY_TEMPORAL_KEYS: %v", err)
	}
	return keys
}

// ForgetTemporal gives the system an empty Temporal, as after the loss of all of its data. Processes that run go on with the
// old one.
func (s *System) ForgetTemporal() {
	s.t.Helper()
	s.Namespace, s.temporal = Namespace(s.t), nil
	s.env = append(s.env, "TEMPORAL_NAMESPACE="+s.Namespace)
}

// Attach is a system that somebody else started and stops.
func Attach(t testing.TB, url, key, simulatorURL string) *System {
	t.Helper()
	return &System{URL: url, Key: key, SimulatorURL: simulatorURL, t: t, env: os.Environ()}
}

// StartRole starts `orderly serve` with one role, and waits for an API to be ready.
func (s *System) StartRole(role string) {
	s.t.Helper()
	s.launch(role, "serve", role)
	if role == "--all" || role == "--api" {
		s.await(s.URL + "/readyz")
	}
}

// StartBeside starts `orderly serve` with some roles in a process of another name, beside others that have the same.
func (s *System) StartBeside(name string, roles ...string) {
	s.t.Helper()
	s.launch(name, append([]string{"serve"}, roles...)...)
}

// Setenv changes the environment of processes that are started from now on.
func (s *System) Setenv(variables ...string) { s.env = append(s.env, variables...) }

// Kill ends a process with SIGKILL and waits until it is gone.
func (s *System) Kill(name string) { s.end(name, syscall.SIGKILL) }

// Stop ends a process with SIGTERM and waits until it is gone.
func (s *System) Stop(name string) { s.end(name, syscall.SIGTERM) }

// Signal sends a signal to a process, and does not wait for what comes of it.
func (s *System) Signal(name string, signal os.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.processes[name].Process.Signal(signal); err != nil {
		s.t.Fatalf("send %s to %s: %v", signal, name, err)
	}
}

// Wait waits until a process has ended by itself, or by a signal, and tells how.
func (s *System) Wait(name string) *os.ProcessState {
	s.t.Helper()
	s.mu.Lock()
	cmd := s.processes[name]
	s.mu.Unlock()
	deadline := time.AfterFunc(Patience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	if !deadline.Stop() {
		s.t.Fatalf("%s has not ended within %s", name, Patience)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.processes, name)
	return cmd.ProcessState
}

// Run runs the binary with the system's environment and gives its output.
func (s *System) Run(args ...string) (string, error) {
	output, err := s.Command(args...).CombinedOutput()
	return string(output), err
}

// Command is a run of the binary with the system's environment, not started yet.
func (s *System) Command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), binary(s.t), args...)
	cmd.Env = slices.Clone(s.env)
	return cmd
}

// Await waits until a condition holds, and fails the test when it does not in time.
func (s *System) Await(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(Patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s in vain for: %s", Patience, what)
		}
	}
}

func (s *System) await(url string) {
	s.t.Helper()
	s.Await(url, func() bool {
		response, err := http.Get(url)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func (s *System) launch(name string, args ...string) {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(binary(s.t), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start orderly %s: %v", strings.Join(args, " "), err)
	}
	_ = log.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[name] = cmd
}

func (s *System) end(name string, signal os.Signal) {
	s.mu.Lock()
	cmd := s.processes[name]
	delete(s.processes, name)
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(signal)
	_ = cmd.Wait()
}

func (s *System) stopAll() {
	for name := range s.processes {
		s.end(name, syscall.SIGKILL)
	}
	if !s.t.Failed() {
		return
	}
	for name, text := range s.Logs() {
		s.t.Logf("%s:\n%s", name, tail(text, 4000))
	}
}

// Logs are what the processes have logged so far, by their names.
func (s *System) Logs() map[string]string {
	paths, _ := filepath.Glob(filepath.Join(s.dir, "*.log"))
	logs := map[string]string{}
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil {
			logs[filepath.Base(path)] = string(text)
		}
	}
	return logs
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

func binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("ORDERLY_BIN")
	if path == "" {
		t.Fatal("ORDERLY_BIN is not set: run the tests with `make test`")
	}
	return path
}

// Namespace registers a Temporal namespace for the test.
func Namespace(t testing.TB) string {
	t.Helper()
	name := "t-" + uuid.NewString()
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS")})
	if err != nil {
		t.Fatalf("reach Temporal (run the tests with `make test`): %v", err)
	}
	defer namespaces.Close()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	err = namespaces.Register(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		t.Fatalf("register namespace %s: %v", name, err)
	}
	return name
}

// Temporal registers a namespace for the test, and gives a client in it that does not encrypt, and its name.
func Temporal(t testing.TB, interceptors ...interceptor.ClientInterceptor) (client.Client, string) {
	t.Helper()
	name := Namespace(t)
	temporal, err := client.Dial(client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS"), Namespace: name, Interceptors: interceptors})
	if err != nil {
		t.Fatalf("reach Temporal: %v", err)
	}
	t.Cleanup(temporal.Close)
	return temporal, name
}

// FreeAddrs finds n local addresses on which nobody listens.
func FreeAddrs(t testing.TB, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(fmt.Errorf("find a free port: %w", err))
		}
		defer func() { _ = listener.Close() }()
		addrs = append(addrs, listener.Addr().String())
	}
	return addrs
}
