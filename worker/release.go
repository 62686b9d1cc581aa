package worker

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Release says which code a worker runs, for Temporal's worker versioning. The zero Release is that of workers without: they
// take every workflow.
type Release struct {
	Deployment string
	BuildID    string
}

// options make a worker one of its release. It gets no work until its release is promoted. Workflows move to the promoted
// release at their next task: an order can last for months, and its history replays with newer code.
func (r Release) options() worker.DeploymentOptions {
	if r == (Release{}) {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: r.Deployment, BuildID: r.BuildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	}
}

// Promote gives all work to the workers of a release, as soon as Temporal knows them. Promoting the release of before takes
// it back.
func Promote(ctx context.Context, temporal client.Client, r Release) error {
	deployment := temporal.WorkerDeploymentClient().GetHandle(r.Deployment)
	for {
		_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: r.BuildID})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("promote %s of %s: do its workers run? %w", r.BuildID, r.Deployment, err)
		case <-time.After(time.Second):
		}
	}
}
