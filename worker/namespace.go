package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"orderly/workflows"
)

// attributes are the search attributes that the workflows write. A workflow task that writes one which the namespace
// does not know fails for ever, so no worker starts without them.
var attributes = map[string]enumspb.IndexedValueType{
	workflows.AttributeOrderStatus.GetName():    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	workflows.AttributeCustomerRef.GetName():    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	workflows.AttributeNeedsAttention.GetName(): enumspb.INDEXED_VALUE_TYPE_BOOL,
	workflows.AttributeAttentionCode.GetName():  enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	workflows.AttributeCarrier.GetName():        enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	workflows.AttributeNextDeadlineAt.GetName(): enumspb.INDEXED_VALUE_TYPE_DATETIME,
}

// MissingAttributes lists the search attributes that the namespace lacks, or has with another type.
func MissingAttributes(ctx context.Context, temporal client.Client, namespace string) ([]string, error) {
	known, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, err)
	}
	var missing []string
	for name, kind := range attributes {
		if known.GetCustomAttributes()[name] != kind {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// PrepareNamespace adds the search attributes that the namespace lacks and returns when it has them all.
func PrepareNamespace(ctx context.Context, temporal client.Client, namespace string) error {
	for {
		missing, err := MissingAttributes(ctx, temporal, namespace)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			return nil
		}
		wanted := map[string]enumspb.IndexedValueType{}
		for _, name := range missing {
			wanted[name] = attributes[name]
		}
		_, err = temporal.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: namespace, SearchAttributes: wanted,
		})
		// Another process may add them at the same time: the next look tells.
		if err := pause(ctx, err, missing); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, cause error, missing []string) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("add the search attributes %s: %w", strings.Join(missing, ", "), errors.Join(ctx.Err(), cause))
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}
