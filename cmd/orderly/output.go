package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// output is how a reading command prints: as a table for people, or as JSON for programs.
type output string

const (
	asTable output = "table"
	asJSON  output = "json"
)

// outputFlag adds --output to a command.
func outputFlag(cmd *cobra.Command) *output {
	format := asTable
	cmd.Flags().VarP(&format, "output", "o", "table or json")
	return &format
}

func (o *output) String() string { return string(*o) }
func (o *output) Type() string   { return "format" }

// Set takes the flag's value.
func (o *output) Set(value string) error {
	if value != string(asTable) && value != string(asJSON) {
		return fmt.Errorf("must be table or json, not %q", value)
	}
	*o = output(value)
	return nil
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
