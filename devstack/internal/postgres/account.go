package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is the system user that Postgres runs as.
type account struct {
	Name     string
	UID, GID uint32
	// Switch says that Postgres must change to this user, because we are root, which Postgres refuses to run as.
	Switch bool
}

// runAs decides on the user: ourselves, or as root the owner of an existing data directory (it may have been made
// without root), else postgres, else nobody.
func runAs(dataDir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{Name: "uid " + strconv.Itoa(os.Geteuid()), UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}, nil
	}
	if owner, err := ownerOf(dataDir); err == nil && owner.UID != 0 {
		return owner, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		return accountOf(found)
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run as an ordinary user")
}

func ownerOf(path string) (account, error) {
	info, err := os.Stat(path)
	if err != nil {
		return account{}, err
	}
	stat := info.Sys().(*syscall.Stat_t)
	name := "uid " + strconv.Itoa(int(stat.Uid))
	if found, err := user.LookupId(strconv.Itoa(int(stat.Uid))); err == nil {
		name = found.Username
	}
	return account{Name: name, UID: stat.Uid, GID: stat.Gid, Switch: true}, nil
}

func accountOf(found *user.User) (account, error) {
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user %s: %w", found.Username, err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user %s: %w", found.Username, err)
	}
	return account{Name: found.Username, UID: uint32(uid), GID: uint32(gid), Switch: true}, nil
}

// attributes are those of a process that runs as this user, in a group of its own: a Ctrl-C in the terminal must not
// reach Postgres while its clients still work.
func (a account) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	endWithParent(attributes)
	if a.Switch {
		attributes.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID}
	}
	return attributes
}
