package deploy_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"orderly/internal/config"
)

func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../docker-compose.yml"}, cli.WithWorkingDirectory(".."))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	return project
}

// ends says whether a service does one thing and ends.
func ends(s types.ServiceConfig) bool { return s.Restart == "no" || s.Restart == "" }

func TestCompose_ImagesArePinned(t *testing.T) {
	t.Parallel()
	for name, service := range loadCompose(t).Services {
		_, tag, tagged := strings.Cut(service.Image, ":")
		if !tagged || tag == "latest" || service.Build == nil && strings.Count(tag, ".") == 0 {
			t.Errorf("%s: image %q is not pinned to a version", name, service.Image)
		}
	}
}

func TestCompose_LastingServicesHaveHealthChecks(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	for name, service := range project.Services {
		if !ends(service) && service.HealthCheck == nil {
			t.Errorf("%s lasts and has no health check", name)
		}
		for other, dependency := range service.DependsOn {
			want := types.ServiceConditionHealthy
			if ends(project.Services[other]) {
				want = types.ServiceConditionCompletedSuccessfully
			}
			if dependency.Condition != want {
				t.Errorf("%s waits for %s to be %s, want %s", name, other, dependency.Condition, want)
			}
		}
	}
}

func TestCompose_HasThePartsAndNamedVolumes(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	for _, name := range []string{"postgres", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui", "migrate", "simulator", "api", "worker"} {
		if _, there := project.Services[name]; !there {
			t.Errorf("there is no service %s", name)
		}
	}
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind && !volume.ReadOnly {
				t.Errorf("%s writes to %s of the host; want a named volume", name, volume.Source)
			}
		}
	}
}

func TestCompose_VariablesAreOnesThatOrderlyReads(t *testing.T) {
	t.Parallel()
	var known []string
	for field := range reflect.TypeFor[config.Config]().Fields() {
		known = append(known, field.Tag.Get("env"))
	}
	for name := range loadCompose(t).Services["api"].Environment {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "TEMPORAL_") {
			t.Errorf("api gets %s, which nothing reads", name)
		}
	}
}

// TestCompose_TheWebUIDecryptsAtTheAPI: the browser has a session for the API only where the two are the same site, and the API
// answers only pages of the origin that it knows.
func TestCompose_TheWebUIDecryptsAtTheAPI(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	ui := project.Services["temporal-ui"]
	for name, want := range map[string]string{
		"TEMPORAL_CODEC_ENDPOINT":            published(project, "api") + "/codec",
		"TEMPORAL_CODEC_INCLUDE_CREDENTIALS": "true",
		"TEMPORAL_CODEC_DEFAULT_ERROR_LINK":  published(project, "api") + "/docs#/default/log-in-with-key",
	} {
		if got := ui.Environment[name]; got == nil || *got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	if got, want := *project.Services["api"].Environment["TEMPORAL_UI_URL"], published(project, "temporal-ui"); got != want {
		t.Errorf("the API takes the Web UI to be at %s, and it is at %s", got, want)
	}
}

// published is where a browser on this machine finds a service.
func published(project *types.Project, service string) string {
	return "http://localhost:" + project.Services[service].Ports[0].Published
}

func TestDockerfile_IsStaticMultiStageAndUnprivileged(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" AS build\n", "CGO_ENABLED=0", "\nFROM scratch\n", "\nUSER 65532:65532\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("Dockerfile lacks %q", strings.TrimSpace(want))
		}
	}
	if strings.Contains(string(text), ":latest") {
		t.Error("Dockerfile uses latest")
	}
}
