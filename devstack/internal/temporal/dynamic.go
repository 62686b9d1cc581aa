package temporal

import (
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

// unlimited is a rate or a count that one machine does not reach.
const unlimited = 100_000

// tuning adapts a server made for clusters to one machine that should answer fast. Everything else is left as it is in
// production, update and worker versioning APIs included, which are on by default. The rate is what a namespace may ask for
// in a second.
func tuning(namespaceRPS int) dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// By default each shard looks for new tasks at most 20 times a second, so every step of a workflow waits for a
		// tick of 50 ms. With these, five activities in a row take 35 ms instead of 300.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   2000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      2000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 200,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key():   200,

		// One process serves all partitions anyway: forwarding between them doubles the slowest answers.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// Tests register a namespace each, and search attributes in it, and use them at once.
		dynamicconfig.NamespaceCacheRefreshInterval.Key():           500 * time.Millisecond,
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,

		// The limits protect tenants of a cluster from each other. Here they only make tests flaky, unless asked for.
		dynamicconfig.FrontendRPS.Key():                                                        unlimited,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():                                 namespaceRPS,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key():                       unlimited,
		dynamicconfig.FrontendNamespaceReplicationInducingAPIsRPS.Key():                        unlimited,
		dynamicconfig.FrontendMaxNamespaceNamespaceReplicationInducingAPIsRPSPerInstance.Key(): unlimited,
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key():                unlimited,
		dynamicconfig.HistoryRPS.Key():                                                         unlimited,
		dynamicconfig.MatchingRPS.Key():                                                        unlimited,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                                          unlimited,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                                           unlimited,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                                          unlimited,
		dynamicconfig.VisibilityPersistenceMaxReadQPS.Key():                                    unlimited,
		dynamicconfig.VisibilityPersistenceMaxWriteQPS.Key():                                   unlimited,

		// Workflows in memory. The default of 128,000 would keep every order of a load test.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 10_000,

		// Nothing here calls home.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
	}
}
