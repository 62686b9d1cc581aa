package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"orderly/api"
)

// tenant is whose the API key is.
const tenant = "default"

// client talks to Orderly and to the simulator as the world outside does.
type client struct {
	url, key, simulatorURL string
	http                   *http.Client
}

func newClient(url, key, simulatorURL string) *client {
	return &client{url: url, key: key, simulatorURL: simulatorURL, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// manner is how a client behaves: how long it waits for an answer, how many copies of it race, whether it comes again.
type manner struct {
	patience time.Duration
	copies   int
	givesUp  bool
}

func mannerOf(random *rand.Rand) manner {
	m := manner{patience: 15 * time.Second, copies: 1, givesUp: chance(random, 4)}
	if chance(random, 20) {
		m.patience = time.Duration(5+random.IntN(500)) * time.Millisecond
	}
	if chance(random, 15) {
		m.copies = 2 + random.IntN(2)
	}
	return m
}

// perform sends an operation until somebody says what became of it, or the context ends, and notes that.
func (c *client) perform(ctx context.Context, op *Operation, m manner) {
	op.CommandID = api.CommandID(tenant, "POST "+op.path, op.Key)
	op.Outcome = Unknown
	answers := make([]answer, m.copies)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = c.insist(ctx, op, m) })
	}
	group.Wait()
	for _, each := range answers {
		op.heard(each)
	}
}

// heard notes an answer, and whether it is what an earlier one said.
func (o *Operation) heard(a answer) {
	switch {
	case a.outcome == Unknown || a.outcome == o.Outcome && a.version == o.Version:
	case o.Outcome == Unknown:
		o.Outcome, o.Version = a.outcome, a.version
	default:
		o.Disagreement = fmt.Sprintf("%s at version %d and %s at version %d", o.Outcome, o.Version, a.outcome, a.version)
	}
}

// answer is what one copy of an operation was told in the end.
type answer struct {
	outcome Outcome
	version int
}

// insist sends one copy again and again until it is answered. A client without patience waits longer each time.
func (c *client) insist(ctx context.Context, op *Operation, m manner) answer {
	for try := 1; ; try++ {
		sending, cancel := context.WithTimeout(ctx, m.patience*time.Duration(min(try*try, 100)))
		got := c.send(sending, op)
		cancel()
		if got.outcome != Unknown || m.givesUp {
			return got
		}
		select {
		case <-ctx.Done():
			return answer{outcome: Unknown}
		case <-time.After(time.Duration(min(try, 10)) * 50 * time.Millisecond):
		}
	}
}

// send sends an operation once.
func (c *client) send(ctx context.Context, op *Operation) answer {
	status, header, body, err := c.call(ctx, http.MethodPost, c.url+op.path, op.Key, op.ifMatch, op.encoded())
	if err != nil {
		return answer{outcome: Unknown}
	}
	switch status {
	case http.StatusOK, http.StatusCreated:
		if version, err := strconv.Atoi(header.Get("X-Event-Version")); err == nil {
			return answer{Acknowledged, version}
		}
	case http.StatusNotFound, http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
		return answer{outcome: Refused}
	case http.StatusConflict:
		var problem struct {
			Code string `json:"code"`
		}
		if json.Unmarshal(body, &problem) == nil && problem.Code != "command_in_flight" {
			return answer{outcome: Refused}
		}
	}
	return answer{outcome: Unknown}
}

// order reads an order.
func (c *client) order(ctx context.Context, id string) (seen view, err error) {
	return seen, c.get(ctx, c.url+"/v1/orders/"+id, &seen)
}

var errStatus = errors.New("unexpected status")

// get reads JSON from a URL.
func (c *client) get(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	status, _, body, err := c.call(ctx, http.MethodGet, url, "", 0, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("get %s: %w %d: %.200s", url, errStatus, status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	return nil
}

// simulate posts to the simulator, or deletes when there is no body.
func (c *client) simulate(ctx context.Context, path string, body any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	method, text := http.MethodDelete, []byte(nil)
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("tell the simulator: %w", err)
		}
		method = http.MethodPost
	}
	status, _, said, err := c.call(ctx, method, c.simulatorURL+path, "", 0, text)
	if err == nil && status >= http.StatusMultipleChoices {
		err = fmt.Errorf("tell the simulator %s: %w %d: %.200s", path, errStatus, status, said)
	}
	return err
}

const maxAnswer = 256 << 20

func (c *client) call(
	ctx context.Context, method, url, key string, ifMatch int, body []byte,
) (status int, header http.Header, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	if ifMatch > 0 {
		request.Header.Set("If-Match", strconv.Quote(strconv.Itoa(ifMatch)))
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, response.Header, answer, err
}
