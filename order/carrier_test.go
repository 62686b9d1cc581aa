package order_test

var newsRules = map[string]rule{}
