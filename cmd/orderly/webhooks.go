package main

import (
	"context"

	"go.uber.org/zap"

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
	return &activities.Webhooks{Deliverer: webhooks.NewDeliverer(s.webhookStore(), s.journal, outside, s.listener.Subscribe)}
}

// webhookQueue is the projection that queues events for endpoints.
func (s *service) webhookQueue() projection.Projection {
	return webhooks.Projection(func(ctx context.Context, orderID string) (string, error) {
		state, err := s.journal.Load(ctx, orderID)
		return state.Tenant, err
	})
}

// startWebhooks makes sure that each enabled endpoint has its workflow. One that cannot be started now does not keep the
// worker from its orders.
func (s *service) startWebhooks(ctx context.Context) error {
	endpoints, err := s.webhookStore().List(ctx, "")
	if err != nil {
		return err
	}
	for _, each := range endpoints {
		if !each.Enabled() {
			continue
		}
		if err := webhooks.Start(ctx, s.temporal, each.ID); err != nil {
			s.log.Error("a webhook endpoint has no deliverer until the next start", zap.String("endpoint_id", each.ID), zap.Error(err))
		}
	}
	return nil
}
