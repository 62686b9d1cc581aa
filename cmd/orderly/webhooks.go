package main

import (
	"context"
	"errors"

	"orderly/activities"
	"orderly/projection"
	"orderly/vault"
	"orderly/webhooks"
)

// webhookStore keeps the endpoints of outgoing webhooks.
func (s *service) webhookStore() *webhooks.Store {
	return webhooks.NewStore(s.pool, vault.New(s.pool, s.config.MasterKeys), s.config.Webhooks)
}

func (s *service) webhookDeliveries() *activities.Webhooks {
	outside := webhooks.NewClient(webhooks.ClientOptions{Timeout: s.config.Webhooks.Timeout, AllowPrivate: s.config.Webhooks.AllowPrivate})
	return &activities.Webhooks{Deliverer: webhooks.NewDeliverer(s.webhookStore(), s.journal, outside, s.listener.On(projection.Channel))}
}

// webhookQueue is the projection that queues events for endpoints.
func (s *service) webhookQueue() projection.Projection {
	return webhooks.Projection(func(ctx context.Context, orderID string) (string, error) {
		state, err := s.journal.Load(ctx, orderID)
		return state.Tenant, err
	})
}

// startWebhooks makes sure that each enabled endpoint has its workflow. One that cannot be started does not keep the others
// from it.
func (s *service) startWebhooks(ctx context.Context) error {
	endpoints, err := s.webhookStore().List(ctx, "")
	for _, each := range endpoints {
		if each.Enabled() {
			err = errors.Join(err, webhooks.Start(ctx, s.temporal, each.ID))
		}
	}
	return err
}
