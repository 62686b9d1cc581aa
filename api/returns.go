package api

import (
	"context"
	"time"

	"orderly/order"
)

// ReturnLine is how many pieces of a line come back.
type ReturnLine struct {
	LineID   string `json:"line_id" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$" example:"l1"`
	Quantity int64  `json:"quantity" minimum:"1" maximum:"10000" example:"1"`
}

// ReturnRequest asks for delivered goods to be taken back.
type ReturnRequest struct {
	Lines      []ReturnLine `json:"lines" minItems:"1" maxItems:"200"`
	Reason     string       `json:"reason" minLength:"1" maxLength:"500" example:"too small"`
	Resolution string       `json:"resolution" enum:"refund,replace" doc:"What the customer wants for them."`
}

type returnRequestInput struct {
	OnOrder
	Body ReturnRequest
}

func (a *API) requestReturn(ctx context.Context, in *returnRequestInput) (*commandOutput, error) {
	command := order.RequestReturn{Resolution: in.Body.Resolution}
	for _, line := range in.Body.Lines {
		command.Lines = append(command.Lines, order.LineQuantity(line))
	}
	return a.performOn(ctx, in.OnOrder, "/returns", in.Body, command, in.Body.Reason)
}

// ReturnDecision says why a return is approved or rejected.
type ReturnDecision struct {
	Reason string `json:"reason,omitempty" maxLength:"500" example:"within 30 days"`
}

// ReturnPath names a return in a path.
type ReturnPath struct {
	RMAID string `path:"rma_id" doc:"The return, from the order's returns."`
}

// returnDecisionInput decides about a return. Its body may be left out.
type returnDecisionInput struct {
	OnOrder
	ReturnPath
	Body *ReturnDecision
}

func (a *API) approveReturn(ctx context.Context, in *returnDecisionInput) (*commandOutput, error) {
	return a.decideReturn(ctx, in, "approve", order.ApproveReturn{RMAID: in.RMAID})
}

func (a *API) rejectReturn(ctx context.Context, in *returnDecisionInput) (*commandOutput, error) {
	return a.decideReturn(ctx, in, "reject", order.RejectReturn{RMAID: in.RMAID})
}

func (a *API) decideReturn(ctx context.Context, in *returnDecisionInput, verb string, command order.Body) (*commandOutput, error) {
	var said ReturnDecision
	if in.Body != nil {
		said = *in.Body
	}
	return a.aboutReturn(ctx, in.OnOrder, in.ReturnPath, verb, said, command, said.Reason)
}

// ReceivedLine is what came back of a line, in one condition.
type ReceivedLine struct {
	LineID    string `json:"line_id" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$" example:"l1"`
	Quantity  int64  `json:"quantity" minimum:"1" maximum:"10000" example:"1"`
	Condition string `json:"condition,omitempty" enum:"sellable,damaged,missing" default:"sellable" doc:"Sellable goes into the stock again. Missing was announced and did not come: it is neither refunded nor replaced."`
}

// Receipt is what came back. Without lines all came, sellable; a line that is not named did not come.
type Receipt struct {
	Lines  []ReceivedLine `json:"lines,omitempty" minItems:"1" maxItems:"600"`
	Reason string         `json:"reason,omitempty" maxLength:"500" example:"box was open"`
}

type receiptInput struct {
	OnOrder
	ReturnPath
	Body *Receipt
}

func (a *API) receiveReturn(ctx context.Context, in *receiptInput) (*commandOutput, error) {
	var said Receipt
	if in.Body != nil {
		said = *in.Body
	}
	command := order.ReceiveReturn{RMAID: in.RMAID}
	for _, line := range said.Lines {
		command.Lines = append(command.Lines, order.ReceivedLine{LineID: line.LineID, Quantity: line.Quantity, Condition: line.Condition})
	}
	return a.aboutReturn(ctx, in.OnOrder, in.ReturnPath, "receive", said, command, said.Reason)
}

func (a *API) aboutReturn(ctx context.Context, in OnOrder, path ReturnPath, verb string, body any, command order.Body, reason string) (*commandOutput, error) {
	if !partIDPattern.MatchString(path.RMAID) {
		return nil, invalid(Fault{"/rma_id", "is no id of a return"})
	}
	return a.performOn(ctx, in, "/returns/"+path.RMAID+"/"+verb, body, command, reason)
}

// Return is goods that a customer sends back.
type Return struct {
	RMAID      string             `json:"rma_id"`
	Status     order.ReturnStatus `json:"status" enum:"requested,approved,received,rejected,closed"`
	Since      time.Time          `json:"since" doc:"When it came to its status."`
	Lines      []ReturnLine       `json:"lines"`
	Reason     string             `json:"reason"`
	Resolution string             `json:"resolution" enum:"refund,replace"`
	Received   []ReturnedLine     `json:"received" doc:"What came back."`
	ReplacedBy string             `json:"replaced_by" doc:"The shipment that is sent instead."`
}

// ReturnedLine is what came back of a line, in one condition.
type ReturnedLine struct {
	LineID    string `json:"line_id"`
	Quantity  int64  `json:"quantity"`
	Condition string `json:"condition" enum:"sellable,damaged,missing"`
	Amount    int64  `json:"amount" doc:"What was paid for it."`
}

func viewReturn(r order.Return) Return {
	return Return{
		RMAID: r.RMAID, Status: r.Status, Since: r.Since.UTC(), Reason: r.Reason, Resolution: r.Resolution, ReplacedBy: r.ReplacedBy,
		Lines:    viewAll(r.Lines, func(l order.LineQuantity) ReturnLine { return ReturnLine(l) }),
		Received: viewAll(r.Received, func(l order.ReceivedLine) ReturnedLine { return ReturnedLine(l) }),
	}
}
