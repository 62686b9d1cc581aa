package order

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// ErrUncertain says that a state alone cannot tell whether a command was applied: only the stream can.
var ErrUncertain = errors.New("whether the command was applied must be looked up in the stream")

const (
	// keptCommands is how many of the latest commands a state knows by their ids when it has just forgotten older ones.
	keptCommands = 32
	// mostCommands is how many it knows at most: it forgets many at once and not one each time.
	mostCommands = 2 * keptCommands
)

// fingerprintSize is that of one id among the older commands. Of n older ones, a new id looks like one of them once in 2^32/n times.
const fingerprintSize = 4

// Applied is the version that a command led to, and whether it was applied at all. For an id that may be among the older commands,
// which the state knows by their fingerprints alone, it gives [ErrUncertain]: rarely for one that is new, always for one
// that is as old as that, and for any id of a state without commands.
func (s State) Applied(commandID string) (version int, applied bool, err error) {
	if s.knowsNoCommands() {
		return 0, false, ErrUncertain
	}
	if version, applied = s.RecentCommands[commandID]; applied {
		return version, true, nil
	}
	wanted := fingerprint(commandID)
	for older := s.OlderCommands; len(older) >= fingerprintSize; older = older[fingerprintSize:] {
		if binary.BigEndian.Uint32(older) == wanted {
			return 0, false, ErrUncertain
		}
	}
	return 0, false, nil
}

func fingerprint(commandID string) uint32 {
	sum := sha256.Sum256([]byte(commandID))
	return binary.BigEndian.Uint32(sum[:])
}

// WithoutCommands is the state for those who only look at it: it does not know which commands were applied, and learns of
// none, whatever is folded onto it.
func (s State) WithoutCommands() State {
	s.RecentCommands, s.OlderCommands = nil, nil
	return s
}

func (s State) knowsNoCommands() bool { return s.RecentCommands == nil && s.Version > 0 }

// remember notes that a command was applied. So that an order's state does not grow with its history, it turns
// older commands into fingerprints; which, depends on the history alone.
func (s *State) remember(commandID string, version int) {
	s.RecentCommands[commandID] = version
	if len(s.RecentCommands) <= mostCommands {
		return
	}
	byVersion := slices.SortedFunc(maps.Keys(s.RecentCommands), func(a, b string) int { return cmp.Compare(s.RecentCommands[a], s.RecentCommands[b]) })
	for _, id := range byVersion[:len(byVersion)-keptCommands] {
		s.OlderCommands = binary.BigEndian.AppendUint32(s.OlderCommands, fingerprint(id))
		delete(s.RecentCommands, id)
	}
}
