package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"orderly/internal/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the configuration in effect and where it is from; secrets are not shown",
		Args:  exactly(0),
	}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := config.Load(); err != nil {
			return err
		}
		variables, err := config.Variables()
		if err != nil {
			return err
		}
		if *format == asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"variables": variables})
		}
		table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tVALUE\tSOURCE")
		for _, v := range variables {
			fmt.Fprintf(table, "%s\t%s\t%s\n", v.Name, v.Value, v.Source)
		}
		return table.Flush()
	}
	return cmd
}
