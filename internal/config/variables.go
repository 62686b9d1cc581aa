package config

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Variable is a variable of the configuration as it may be shown: what is secret in it is not.
type Variable struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // default, environment, or the file that it was read from
}

// setting is a variable that [Config] reads.
type setting struct {
	name, otherwise string
	secret          bool
}

const fileSuffix = "_FILE"

// settings is all variables that a type reads.
func settings(of reflect.Type, prefix string) []setting {
	var all []setting
	for field := range of.Fields() {
		if inner, nested := field.Tag.Lookup("envPrefix"); nested {
			all = append(all, settings(field.Type, prefix+inner)...)
			continue
		}
		if name := field.Tag.Get("env"); name != "" {
			all = append(all, setting{prefix + name, field.Tag.Get("envDefault"), field.Tag.Get("secret") == "true"})
		}
	}
	return all
}

// environment is the variables that are given, with the secrets that lie in files.
func environment(given map[string]string) (map[string]string, error) {
	for _, s := range settings(reflect.TypeFor[Config](), "") {
		path := given[s.name+fileSuffix]
		if !s.secret || path == "" {
			continue
		}
		if given[s.name] != "" {
			return nil, fmt.Errorf("%s and %s are both set: which is meant?", s.name, s.name+fileSuffix)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name+fileSuffix, err)
		}
		given[s.name] = strings.TrimRight(string(text), "\r\n")
	}
	return given, nil
}

// Variables is the configuration in effect, and where each part of it is from.
func Variables() ([]Variable, error) {
	given, err := environment(env.ToMap(os.Environ()))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var all []Variable
	for _, s := range settings(reflect.TypeFor[Config](), "") {
		v := Variable{Name: s.name, Value: given[s.name], Source: "environment"}
		switch path := given[s.name+fileSuffix]; {
		case v.Value == "":
			v.Value, v.Source = s.otherwise, "default"
		case s.secret && path != "":
			v.Source = path
		}
		if s.secret {
			v.Value = masked(v.Value)
		}
		all = append(all, v)
	}
	return append(all, temporalVariables(given)...), nil
}

// temporalVariables is what is set of Temporal's own variables; they are read by its library.
func temporalVariables(given map[string]string) []Variable {
	var all []Variable
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !strings.HasPrefix(name, "TEMPORAL_") || name == "TEMPORAL_UI_URL" {
			continue
		}
		v := Variable{Name: name, Value: given[name], Source: "environment"}
		if name != "TEMPORAL_ADDRESS" && name != "TEMPORAL_NAMESPACE" {
			v.Value = masked(v.Value)
		}
		all = append(all, v)
	}
	return all
}

// masked shows that a secret is there; of an address all but the password.
func masked(secret string) string {
	if secret == "" {
		return ""
	}
	if address, err := url.Parse(secret); err == nil && address.Host != "" && address.RawQuery == "" {
		return address.Redacted()
	}
	return "(set)"
}
