package live

import (
	"encoding/json"
	"fmt"

	"orderly/eventstore"
	"orderly/journal"
)

// Message is an event, ready to be sent.
type Message struct {
	Place    eventstore.Position
	Type     string
	OrderID  string
	Version  int
	Tenant   string
	Contents []byte // JSON of a [journal.Told]
}

func encode(told []journal.Told) ([]Message, error) {
	messages := make([]Message, len(told))
	for i, each := range told {
		contents, err := json.Marshal(each)
		if err != nil {
			return nil, fmt.Errorf("encode %s at version %d: %w", each.OrderID, each.Version, err)
		}
		messages[i] = Message{
			Place: each.Place, Type: each.EventType, OrderID: each.OrderID, Version: each.Version, Tenant: each.Tenant, Contents: contents,
		}
	}
	return messages, nil
}
