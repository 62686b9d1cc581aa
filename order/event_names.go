package order

// The names under which events are stored. They are never changed: an event that is renamed in code keeps its name here.

//nolint:revive // one line each, said once above
func (*OrderCreated) EventType() string            { return "OrderCreated" }
func (*OrderAmended) EventType() string            { return "OrderAmended" }
func (*ShippingAddressChanged) EventType() string  { return "ShippingAddressChanged" }
func (*OrderNoteAdded) EventType() string          { return "OrderNoteAdded" }
func (*OrderHeld) EventType() string               { return "OrderHeld" }
func (*OrderReleased) EventType() string           { return "OrderReleased" }
func (*FraudScreened) EventType() string           { return "FraudScreened" }
func (*StockReserved) EventType() string           { return "StockReserved" }
func (*StockShortageDetected) EventType() string   { return "StockShortageDetected" }
func (*StockReleased) EventType() string           { return "StockReleased" }
func (*StockCommitted) EventType() string          { return "StockCommitted" }
func (*CustomerActionRequested) EventType() string { return "CustomerActionRequested" }
func (*CustomerResponded) EventType() string       { return "CustomerResponded" }
func (*PaymentMethodProvided) EventType() string   { return "PaymentMethodProvided" }
func (*PaymentAuthorized) EventType() string       { return "PaymentAuthorized" }
func (*PaymentDeclined) EventType() string         { return "PaymentDeclined" }
func (*PaymentExpired) EventType() string          { return "PaymentExpired" }
func (*PaymentReceived) EventType() string         { return "PaymentReceived" }
func (*PaymentVoided) EventType() string           { return "PaymentVoided" }
func (*PaymentOutcomeUnknown) EventType() string   { return "PaymentOutcomeUnknown" }
func (*RefundRequested) EventType() string         { return "RefundRequested" }
func (*RefundIssued) EventType() string            { return "RefundIssued" }
func (*ShipmentPlanned) EventType() string         { return "ShipmentPlanned" }
func (*ShipmentBooked) EventType() string          { return "ShipmentBooked" }
func (*ShipmentBookingFailed) EventType() string   { return "ShipmentBookingFailed" }
func (*ShipmentRerouted) EventType() string        { return "ShipmentRerouted" }
func (*BookingDiscarded) EventType() string        { return "BookingDiscarded" }
func (*ShipmentDispatched) EventType() string      { return "ShipmentDispatched" }
func (*ShipmentOutForDelivery) EventType() string  { return "ShipmentOutForDelivery" }
func (*ShipmentDelivered) EventType() string       { return "ShipmentDelivered" }
func (*ShipmentCancelled) EventType() string       { return "ShipmentCancelled" }
func (*OrderPartiallyShipped) EventType() string   { return "OrderPartiallyShipped" }
func (*OrderShipped) EventType() string            { return "OrderShipped" }
func (*OrderDelivered) EventType() string          { return "OrderDelivered" }
func (*StepFailed) EventType() string              { return "StepFailed" }
func (*StepRetried) EventType() string             { return "StepRetried" }
func (*StepSkipped) EventType() string             { return "StepSkipped" }
func (*StepResolved) EventType() string            { return "StepResolved" }
func (*CancellationRequested) EventType() string   { return "CancellationRequested" }
func (*OrderCancelled) EventType() string          { return "OrderCancelled" }
func (*OrderClosed) EventType() string             { return "OrderClosed" }
func (*PersonalDataErased) EventType() string      { return "PersonalDataErased" }
