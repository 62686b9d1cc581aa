package order

// Update says whether the tests write their golden files.
var Update = update
