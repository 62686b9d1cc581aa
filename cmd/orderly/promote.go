package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"orderly/internal/config"
	"orderly/worker"
)

func promoteCommand() *cobra.Command {
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "promote [BUILD_ID]",
		Short: "Give all workflows to the workers of a build (default $ORDERLY_BUILD_ID) of $ORDERLY_DEPLOYMENT",
		Args:  atMostOne,
	}
	cmd.Flags().DurationVar(&within, "within", time.Minute, "how long to wait for the first worker of the build")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := config.Load()
		if err != nil {
			return usageError{err}
		}
		release := worker.Release{Deployment: c.Deployment, BuildID: c.BuildID}
		if len(args) > 0 {
			release.BuildID = args[0]
		}
		if release.Deployment == "" || release.BuildID == "" {
			return usageError{errors.New("promote what? set ORDERLY_DEPLOYMENT, and ORDERLY_BUILD_ID or name the build")}
		}
		temporal, _, err := connectTemporal(c, zap.NewNop())
		if err != nil {
			return err
		}
		defer temporal.Close()
		ctx, cancel := context.WithTimeout(cmd.Context(), within)
		defer cancel()
		if err := worker.Promote(ctx, temporal, release); err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "all workflows go to the workers of %s %s\n", release.Deployment, release.BuildID)
		return err
	}
	return cmd
}
