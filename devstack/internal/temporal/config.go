package temporal

import (
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"

	"orderly/devstack/internal/port"
)

const (
	// historyShards is fixed when the databases are made. Four let Postgres commit in parallel on a small machine.
	historyShards = 4

	// Four services each have a pool of this size: 120 connections at most, of the 300 that Postgres allows.
	maxConnections           = 20
	maxVisibilityConnections = 10

	defaultStore    = "default"
	visibilityStore = "visibility"
	clusterName     = "active"
	disabled        = "disabled"
)

// ports are the loopback ports of the four services. Only the frontend's is for others.
type ports map[primitives.ServiceName]int

func choosePorts(frontend int) (ports, error) {
	free, err := port.Free(3)
	if err != nil {
		return nil, err
	}
	return ports{
		primitives.FrontendService: frontend,
		primitives.HistoryService:  free[0],
		primitives.MatchingService: free[1],
		primitives.WorkerService:   free[2],
	}, nil
}

func (p ports) frontend() string { return port.Address(p[primitives.FrontendService]) }

// hosts names the members of the cluster, which needs no membership protocol: they are all here.
func (p ports) hosts() map[primitives.ServiceName]static.Hosts {
	hosts := make(map[primitives.ServiceName]static.Hosts, len(p))
	for service, number := range p {
		hosts[service] = static.SingleLocalHost(port.Address(number))
	}
	return hosts
}

func (p ports) services() map[string]config.Service {
	services := make(map[string]config.Service, len(p))
	for service, number := range p {
		services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: number, BindOnIP: port.Host}}
	}
	return services
}

// serverConfig is what a configuration file would hold.
func serverConfig(p ports, store, visibility *config.SQL) *config.Config {
	return &config.Config{
		Services: p.services(),
		Persistence: config.Persistence{
			DefaultStore:     defaultStore,
			VisibilityStore:  visibilityStore,
			NumHistoryShards: historyShards,
			DataStores: map[string]config.DataStore{
				defaultStore:    {SQL: store},
				visibilityStore: {SQL: visibility},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: p.frontend()},
			},
		},
		PublicClient:        config.PublicClient{HostPort: p.frontend()},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		// The server insists on the word in all four places.
		Archival: config.Archival{
			History:    config.HistoryArchival{State: disabled},
			Visibility: config.VisibilityArchival{State: disabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{
			Archival: config.ArchivalNamespaceDefaults{
				History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
				Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
			},
		},
	}
}
