package workflows

// Definitions are all workflows, by the names under which workers register them. A recorded history of each must replay.
func Definitions() map[string]any {
	return map[string]any{
		OrderWorkflow:      Order,
		BulkWorkflow:       Bulk,
		WebhookWorkflow:    Webhook,
		ReconcileWorkflow:  Reconcile,
		ProjectionWorkflow: Projection,
		RebuildWorkflow:    Rebuild,
		CheckpointWorkflow: Checkpoint,
	}
}
