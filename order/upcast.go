package order

import (
	"encoding/json"
	"fmt"
)

// upcaster lifts the data of an event by one schema version.
type upcaster func(data map[string]json.RawMessage) error

// upcasters holds, for each event type, the steps from version 1 to today's shape, in order. The stored row is never
// changed; the steps run whenever it is read.
var upcasters = map[string][]upcaster{
	"OrderCreated":           {orderCreatedToV2, orderCreatedToV3, shipToMayBeSealed},
	"ShippingAddressChanged": {shipToMayBeSealed},
}

// orderCreatedToV2 adds the currency: orders of the first days were all in US dollars.
func orderCreatedToV2(data map[string]json.RawMessage) error {
	data["currency"] = json.RawMessage(`"USD"`)
	return nil
}

// orderCreatedToV3 adds the lines: before, an order was one amount, which becomes one line without an article.
func orderCreatedToV3(data map[string]json.RawMessage) error {
	var total int64
	if err := json.Unmarshal(data["total"], &total); err != nil {
		return fmt.Errorf("total: %w", err)
	}
	lines, err := json.Marshal([]Line{{LineID: "l1", SKU: "UNSPECIFIED", Quantity: 1, UnitPrice: total}})
	if err != nil {
		return err
	}
	data["lines"] = lines
	for name, value := range map[string]string{"tenant": `"default"`, "shipping_fee": `0`, "ship_to": `{}`, "shipping": `{}`, "method": `""`, "token": `""`} {
		if _, there := data[name]; !there {
			data[name] = json.RawMessage(value)
		}
	}
	return nil
}

// shipToMayBeSealed makes room for addresses that are encrypted: before, all were stored in clear.
func shipToMayBeSealed(data map[string]json.RawMessage) error {
	var address Address
	if err := json.Unmarshal(data["ship_to"], &address); err != nil {
		return fmt.Errorf("ship_to: %w", err)
	}
	shipTo := ShipTo{}
	if address != (Address{}) {
		shipTo = ClearShipTo(address)
	}
	encoded, err := json.Marshal(shipTo)
	data["ship_to"] = encoded
	return err
}

// CheckKnown is an error for a type or a schema version that this code does not know.
func CheckKnown(eventType string, schemaVersion int) error {
	if !IsEventType(eventType) {
		return fmt.Errorf("event type %q is not known to this version of orderly", eventType)
	}
	if today := SchemaVersion(eventType); schemaVersion < 1 || schemaVersion > today {
		return fmt.Errorf("%s has schema version %d; this version of orderly knows 1 to %d", eventType, schemaVersion, today)
	}
	return nil
}

// Upcast lifts stored data of the given schema version to today's shape. A type or a schema version that this code does
// not know is an error.
func Upcast(eventType string, schemaVersion int, data []byte) ([]byte, error) {
	if err := CheckKnown(eventType, schemaVersion); err != nil {
		return nil, err
	}
	steps, today := upcasters[eventType], SchemaVersion(eventType)
	if schemaVersion == today {
		return data, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("upcast %s v%d: %w", eventType, schemaVersion, err)
	}
	if fields == nil { // null is JSON, too
		return nil, fmt.Errorf("upcast %s v%d: the data is null", eventType, schemaVersion)
	}
	for version := schemaVersion; version < today; version++ {
		if err := steps[version-1](fields); err != nil {
			return nil, fmt.Errorf("upcast %s from v%d to v%d: %w", eventType, version, version+1, err)
		}
	}
	return json.Marshal(fields)
}
