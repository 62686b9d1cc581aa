// Package iface holds the shapes in which a server speaks of auto-scaled workers.
package iface

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

// ValidationResultFailed marks a provider that cannot be used.
const ValidationResultFailed = "failed"

type (
	// ComputeProviderType names a provider.
	ComputeProviderType string
	// ScalingAlgorithmType names an algorithm.
	ScalingAlgorithmType string

	// ComputeProviderSpec says where workers run.
	ComputeProviderSpec struct {
		ProviderType  ComputeProviderType
		Config        *commonpb.Payload
		NexusEndpoint string
	}
	// ScalingAlgorithmSpec says how their number is found.
	ScalingAlgorithmSpec struct {
		ScalingAlgorithm ScalingAlgorithmType
		Config           *commonpb.Payload
	}
	// ScalingGroupSpec is a group of workers.
	ScalingGroupSpec struct {
		TaskTypes []enumspb.TaskQueueType
		Compute   ComputeProviderSpec
		Scaling   *ScalingAlgorithmSpec
	}
	// ScalingGroupSpecUpdate changes one.
	ScalingGroupSpecUpdate struct {
		Spec       ScalingGroupSpec
		UpdateMask []string
	}
	// WorkerControllerInstanceSpec is all groups of a version.
	WorkerControllerInstanceSpec struct {
		ScalingGroupSpecs map[string]ScalingGroupSpec
	}
	// QueryDescribeWorkerControllerInstanceResponse tells of a version's groups.
	QueryDescribeWorkerControllerInstanceResponse struct {
		Spec             *WorkerControllerInstanceSpec
		ValidationStatus *ValidationStatus
	}
	// UpdateWorkerControllerInstanceResponse gives the groups after a change.
	UpdateWorkerControllerInstanceResponse struct {
		Spec *WorkerControllerInstanceSpec
	}
	// ValidationStatus is what a check of a provider found.
	ValidationStatus struct {
		Status             string
		LastValidationTime time.Time
		ErrMessage         string
	}
)
