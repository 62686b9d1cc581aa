package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// probeCommand is the health check of containers that hold nothing but this program.
func probeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "probe URL",
		Short: "Ask a URL whether it is well; exit status 1 when it does not answer 200",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !answers(cmd.Context(), args[0]) {
				return fmt.Errorf("%s does not answer 200", args[0])
			}
			return nil
		},
	}
}
