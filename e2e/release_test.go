package e2e_test

import (
	"testing"

	"orderly/workflows"
)

// buildOf is the build whose worker has worked on an order last; empty when it is of none.
func (s shop) buildOf(id string) string {
	s.t.Helper()
	described, err := s.Temporal().DescribeWorkflowExecution(s.t.Context(), workflows.OrderWorkflowID(id), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return described.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
}

// TestRelease_OrdersMoveToThePromotedBuild deploys a first build in the place of workers without a version, then a second one,
// beside which the first goes on until the promotion.
func TestRelease_OrdersMoveToThePromotedBuild(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--worker", "--projector"}, transitOff)
	id := s.place(wish{id: "ord_1"})
	s.booked(id)
	if build := s.buildOf(id); build != "" {
		t.Errorf("an order of workers without a version is of build %s", build)
	}
	s.Stop("--worker")
	s.Stop("--projector")
	for _, build := range []string{"b1", "b2"} {
		s.Setenv("ORDERLY_DEPLOYMENT=orderly", "ORDERLY_BUILD_ID="+build)
		s.StartBeside(build, "--worker", "--projector")
		wantLines(t, s.cli(0, "promote").stdout, "^all workflows go to the workers of orderly "+build)
		s.command(200, "/v1/orders/"+id+"/notes", `{"text":"a new build"}`)
		s.Await(id+" is of build "+build, func() bool { return s.buildOf(id) == build })
	}
	s.Stop("b1")
	s.deliver(id)
	s.until(id, "closed")
	next := s.place(wish{id: "ord_2"})
	s.booked(next)
	// It is booked by its first workflow task, which tells the build when it ends.
	s.Await("a new order is of build b2", func() bool { return s.buildOf(next) == "b2" })
	s.cli(2, "promote", "one", "two")
	s.cli(1, "promote", "b9", "--within", "1s")
}
