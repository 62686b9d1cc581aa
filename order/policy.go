package order

import "time"

// Policy is everything about an order's life that a business decides and an engineer configures: deadlines, tries,
// carriers. The rules take it as a value, so a changed policy holds for all orders from the next decision on.
type Policy struct {
	// Carriers are tried in this order when the customer's own wish cannot be had.
	Carriers []string `env:"CARRIERS" envDefault:"fedex,ups,dhl"`

	// RetryFirst is the pause after a step's first failed try; each pause is twice the one before, up to RetryMax.
	RetryFirst time.Duration `env:"RETRY_FIRST" envDefault:"1s"`
	RetryMax   time.Duration `env:"RETRY_MAX" envDefault:"1m"`

	ScreenWithin    time.Duration `env:"SCREEN_WITHIN" envDefault:"10m"`
	ReserveWithin   time.Duration `env:"RESERVE_WITHIN" envDefault:"30m"`
	AuthorizeWithin time.Duration `env:"AUTHORIZE_WITHIN" envDefault:"10m"`
	CaptureWithin   time.Duration `env:"CAPTURE_WITHIN" envDefault:"24h"`
	BookTries       int           `env:"BOOK_TRIES" envDefault:"8"`
	BookWithin      time.Duration `env:"BOOK_WITHIN" envDefault:"24h"`
	RefundWithin    time.Duration `env:"REFUND_WITHIN" envDefault:"72h"`
	// UndoWithin bounds the tries of releasing, voiding, cancelling a booking and committing stock.
	UndoWithin time.Duration `env:"UNDO_WITHIN" envDefault:"72h"`

	// ShortageAnswerWithin and PaymentAnswerWithin are how long a customer may take to choose; then the order is cancelled.
	ShortageAnswerWithin time.Duration `env:"SHORTAGE_ANSWER_WITHIN" envDefault:"72h"`
	PaymentAnswerWithin  time.Duration `env:"PAYMENT_ANSWER_WITHIN" envDefault:"24h"`
	AddressAnswerWithin  time.Duration `env:"ADDRESS_ANSWER_WITHIN" envDefault:"72h"`
	// PaymentTries is how many means of payment are tried before the order is cancelled.
	PaymentTries int `env:"PAYMENT_TRIES" envDefault:"3"`

	// RemindAt are the moments at which a customer who has not chosen yet is reminded, as parts of the time to choose.
	RemindAt []float64 `env:"REMIND_AT" envDefault:"0.5,0.875"`
	// Notify are the kinds of notices that customers get: of a question, of a reminder, of an order that is shipped or
	// cancelled, of a refund. A plain order has one, when it is shipped. NotifyWithin bounds the tries of each.
	Notify       []string      `env:"NOTIFY" envDefault:"action_requested,reminder,shipped,cancelled,refunded"`
	NotifyWithin time.Duration `env:"NOTIFY_WITHIN" envDefault:"24h"`

	// AttentionRetryEvery is how often a parked booking is tried again by itself, and AttentionGiveUpAfter how long
	// until it is given up and the shipment cancelled.
	AttentionRetryEvery  time.Duration `env:"ATTENTION_RETRY_EVERY" envDefault:"1h"`
	AttentionGiveUpAfter time.Duration `env:"ATTENTION_GIVE_UP_AFTER" envDefault:"72h"`

	PickupWithin  time.Duration `env:"PICKUP_WITHIN" envDefault:"48h"`
	TransitWithin time.Duration `env:"TRANSIT_WITHIN" envDefault:"168h"`
	// LostAfter is how long a carrier may say nothing of a parcel that has left until it is lost.
	LostAfter time.Duration `env:"LOST_AFTER" envDefault:"336h"`
	// DeliveryAttempts is how often a carrier may try in vain to deliver before somebody decides what follows.
	DeliveryAttempts int `env:"DELIVERY_ATTEMPTS" envDefault:"3"`
	// FailedParcel is what happens to a parcel that failed on its way: an operator is asked, or the goods are sent again
	// (reship), or paid back (refund) without anybody being asked.
	FailedParcel string `env:"FAILED_PARCEL" envDefault:"ask"`
	// ReturnWithin is how long after the delivery goods may be sent back, ReturnDecideWithin how long until a return that nobody
	// decides is approved, and ReturnArriveWithin how long an approved one may take.
	ReturnWithin       time.Duration `env:"RETURN_WITHIN" envDefault:"1440h"`
	ReturnDecideWithin time.Duration `env:"RETURN_DECIDE_WITHIN" envDefault:"168h"`
	ReturnArriveWithin time.Duration `env:"RETURN_ARRIVE_WITHIN" envDefault:"720h"`
	// CloseAfter is how long after the delivery an order stays open.
	CloseAfter time.Duration `env:"CLOSE_AFTER" envDefault:"336h"`
}

// carriersFor lists the carriers to try for a shipment, the customer's wish first, less those already tried.
func (p Policy) carriersFor(wish string, tried []string) []string {
	var left []string
	for _, carrier := range append([]string{wish}, p.Carriers...) {
		if carrier != "" && !contains(tried, carrier) && !contains(left, carrier) {
			left = append(left, carrier)
		}
	}
	return left
}
