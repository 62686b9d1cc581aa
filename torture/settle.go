package torture

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// quietWithin is how long all may take to come to rest once nothing is wrong any more.
const quietWithin = 4 * time.Minute

// settle repairs as an operator would, until all promises hold and nothing moves any more, or the time is up. What is then
// still wrong is wrong.
func (r *run) settle(ctx context.Context) (Facts, []Finding, error) {
	deadline := time.Now().Add(quietWithin)
	operator := &operator{client: r.client, load: r.load, generator: r.generator(operatorClient), tries: map[string]int{}}
	for before := -1; ; {
		err := operator.round(ctx)
		_, events := r.follower.soFar()
		var facts Facts
		if err == nil {
			facts, err = r.collect(ctx)
		}
		if err == nil {
			operator.release(ctx, facts)
			findings := Check(facts)
			if _, now := r.follower.soFar(); len(findings) == 0 && before == events && events == now || time.Now().After(deadline) {
				return facts, findings, nil
			}
			r.progressf("coming to rest: %d events, %s", events, left(findings))
		}
		if err != nil && time.Now().After(deadline) || ctx.Err() != nil {
			return facts, nil, fmt.Errorf("find out how it ended: %w", err)
		}
		before = events
		select {
		case <-ctx.Done():
			return facts, nil, ctx.Err()
		case <-time.After(3 * time.Second):
		}
	}
}

// operator clears the list of attention.
type operator struct {
	client    *client
	load      *load
	generator *generator
	// tries is how often something was retried, by order.
	tries map[string]int
}

// patience is how often an operator retries before doing it by hand.
const patience = 4

// round does something about everything that needs attention.
func (o *operator) round(ctx context.Context) error {
	var list struct {
		Attention []struct {
			OrderID     string   `json:"order_id"`
			AttentionID string   `json:"attention_id"`
			Allowed     []string `json:"allowed"`
		} `json:"attention"`
	}
	if err := o.client.get(ctx, o.client.url+"/v1/attention?limit=100", &list); err != nil {
		return err
	}
	for _, each := range list.Attention {
		o.tries[each.OrderID]++
		verb, body := "retry", object{"reason": "torture is over"}
		if o.tries[each.OrderID] > patience {
			verb, body = "resolve", object{"reason": "torture is over", "external_ref": "by-hand"}
		}
		o.perform(ctx, each.OrderID, verb, "/attention/"+each.AttentionID+"/"+verb, body)
	}
	return nil
}

// release lets held orders go on: what became of a step that a hold has stopped is found out only then.
func (o *operator) release(ctx context.Context, facts Facts) {
	for id, stream := range facts.Streams {
		for _, hold := range stream.State.Holds {
			if hold.Code == "fraud_review" {
				o.perform(ctx, id, "fraud-review", "/fraud-review", object{"decision": "accept", "reason": "torture is over"})
			} else {
				o.perform(ctx, id, "release", "/release", object{"code": hold.Code, "reason": "torture is over"})
			}
		}
	}
}

func (o *operator) perform(ctx context.Context, orderID, what, path string, body object) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	op := Operation{Key: o.generator.key(), OrderID: orderID, What: what, path: "/v1/orders/" + orderID + path, body: body}
	o.load.perform(ctx, op, manner{patience: 15 * time.Second, copies: 1})
}

// ready waits until a URL answers 200.
func (c *client) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		status, _, _, err := c.call(ctx, http.MethodGet, url, "", 0, nil)
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (status %d, %w)", url, ctx.Err(), status, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// left says what is still wrong.
func left(findings []Finding) string {
	if len(findings) == 0 {
		return "all as it should be"
	}
	return fmt.Sprintf("%d things are not as they should be yet: %s: %s", len(findings), findings[0].OrderID, findings[0].What)
}
