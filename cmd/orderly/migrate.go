package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"orderly/internal/config"
	"orderly/internal/postgres"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date; several at once are safe",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load()
			if err != nil {
				return err
			}
			if c.OwnerURL == "" {
				return errNoDatabase
			}
			applied, err := postgres.Migrate(cmd.Context(), c.OwnerURL)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d migrations applied, the schema is up to date\n", applied)
			return nil
		},
	}
}
