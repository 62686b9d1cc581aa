// Package readmodel answers questions about orders from tables that are made for them: one order, lists of orders, the
// work queue of operators, the order of a parcel.
//
// The tables hold nothing of their own. The projection [Projection] derives them from the feed of events, a moment
// after the fact; they can be thrown away and derived again. A row of order_views is the fold of its order's events up
// to the version that it carries: never a mixture, never older than it was. Whoever has just written can wait until
// the row has come to that version ([ReadModel.WaitForVersion]); nobody who waits polls by themselves, one
// announcement wakes them all. [Verify] folds every stream again and compares.
//
// Lists are read in pages. A cursor is the place of the last row that was given, not a number of rows: rows that
// are added meanwhile neither repeat one nor hide one.
package readmodel
