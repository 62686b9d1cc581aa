package client_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

func TestGenerated_IsWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "oapi-codegen", "-config", "client/oapi-codegen.yaml", "-o", "/dev/stdout", "api/openapi.json")
	cmd.Dir = ".."
	var faults bytes.Buffer
	cmd.Stderr = &faults
	want, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, faults.String())
	}
	got, err := os.ReadFile("orderly.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("orderly.gen.go is not what api/openapi.json leads to: run `make generate`")
	}
}
