package torture

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"orderly/internal/sabotage"
)

// system is Orderly's processes: one for each role, started again whenever it ends.
type system struct {
	program, dir string
	env          []string
	random       *rand.Rand // guarded by mu
	count        func(fault string)
	// mu guards what follows.
	mu sync.Mutex
	// programs are what the roles run: a rollout brings a role from another version to program.
	programs map[string]string
	roles    map[string]*process
	// back is until when a role has no process.
	back     map[string]time.Time
	harmless bool // no process is asked to harm itself any more
	ended    bool
	keeping  sync.WaitGroup
}

// roles are what is run in a process of its own.
var roles = []string{"api", "worker", "projector"}

// newSystem makes a system that begins with the program of another version, or with ours when that is empty.
func newSystem(dir, from string, env []string, random *rand.Rand, count func(string)) (*system, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	s := &system{
		program: program, dir: dir, env: env, random: random, count: count, programs: map[string]string{}, roles: map[string]*process{},
		back: map[string]time.Time{},
	}
	for _, role := range roles {
		s.programs[role] = cmp.Or(from, program)
	}
	return s, nil
}

// keep starts a role, and starts it again when it ends.
func (s *system) keep(role string) {
	s.keeping.Go(func() {
		for {
			p, point, err := s.begin(role)
			if err != nil || p == nil {
				return
			}
			<-p.ended
			if point != "" && p.wasKilled() {
				s.count("kill " + role + " " + point)
			}
			for wait := 300 * time.Millisecond; wait > 0; wait = s.awayFor(role) { // one that cannot start is not started without pause
				time.Sleep(wait)
			}
		}
	})
}

// begin starts a role's process, mostly one that will harm itself. It gives no process when the system has ended.
func (s *system) begin(role string) (p *process, point string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, "", nil
	}
	env := s.env
	if !s.harmless {
		env, point = s.sabotaged(role)
	}
	p, err = launch(s.dir, role, env, nil, s.programs[role], "serve", "--"+role)
	s.roles[role] = p
	return p, point, err
}

// sabotaged is an environment in which a process dies at one of its role's points, and has a clock that jumps.
func (s *system) sabotaged(role string) (env []string, point string) {
	env = slices.Clone(s.env)
	if s.random.IntN(4) > 0 {
		points := sabotage.Points(role)
		point = points[s.random.IntN(len(points))]
		env = append(env, fmt.Sprintf("ORDERLY_KILL_AT=%s:%d", point, 20+s.random.IntN(400)))
	}
	if s.random.IntN(2) > 0 {
		env = append(env, fmt.Sprintf("ORDERLY_CLOCK_SKEW=%ds", s.random.IntN(41)-20))
		s.count("clock " + role)
	}
	return env, point
}

// kill ends a role's process without warning; it comes back.
func (s *system) kill(role string) {
	s.mu.Lock()
	p := s.roles[role]
	s.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// lose ends a role's process without warning, and starts none for a while.
func (s *system) lose(role string, away time.Duration) {
	s.mu.Lock()
	s.back[role] = time.Now().Add(away)
	s.mu.Unlock()
	s.kill(role)
	time.Sleep(away)
}

// awayFor is how long a role is still to be without a process.
func (s *system) awayFor(role string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.back[role])
}

// replace tells a role's process to end; the next one is of our version. There is one api only, as its clients know one address.
func (s *system) replace(role string) {
	s.mu.Lock()
	old := s.roles[role]
	s.programs[role] = s.program
	s.mu.Unlock()
	if old != nil {
		old.stop()
	}
}

// deploy replaces a role's process by another one as a rollout does: the new one is there before the old one is told to end.
func (s *system) deploy(ctx context.Context, role string, overlap time.Duration) error {
	s.mu.Lock()
	old := s.roles[role]
	s.programs[role] = s.program
	next, err := launch(s.dir, role, s.env, nil, s.program, "serve", "--"+role)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(overlap):
	}
	old.stop() // and keep starts one more, which is the new one from then on
	next.stop()
	return nil
}

// calm replaces all processes by such as harm themselves no more, and are of our version.
func (s *system) calm() {
	s.mu.Lock()
	s.harmless = true
	for _, role := range roles {
		s.programs[role] = s.program
	}
	s.mu.Unlock()
	for _, role := range roles {
		s.kill(role)
	}
}

// stop ends all processes and waits for them.
func (s *system) stop() {
	s.mu.Lock()
	s.ended = true
	all := make([]*process, 0, len(s.roles))
	for _, p := range s.roles {
		if p != nil {
			all = append(all, p)
		}
	}
	s.mu.Unlock()
	var group sync.WaitGroup
	for _, p := range all {
		group.Go(p.stop)
	}
	group.Wait()
	s.keeping.Wait()
}
