package main

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

func profile(name string) (*memberlist.Config, error) {
	switch name {
	case "lan", "":
		return memberlist.DefaultLANConfig(), nil
	case "wan":
		return memberlist.DefaultWANConfig(), nil
	case "local":
		return memberlist.DefaultLocalConfig(), nil
	}
	return nil, fmt.Errorf("unknown profile %q", name)
}

// spelled has the options that memberlist calls otherwise than the option table.
var spelled = map[string]string{
	"cluster":         "label",
	"compression":     "enable_compression",
	"verify_incoming": "gossip_verify_incoming",
	"verify_outgoing": "gossip_verify_outgoing",
}

// setKeys makes the keyring of base64 keys, the first of which encrypts.
func setKeys(config *memberlist.Config, text string) error {
	var keys [][]byte
	for _, item := range strings.Split(text, ",") {
		key, err := base64.StdEncoding.DecodeString(item)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	ring, err := memberlist.NewKeyring(keys, keys[0])
	config.Keyring = ring
	return err
}

// setOption sets the field of memberlist's Config that an option names: tcp_timeout is TCPTimeout.
func setOption(config *memberlist.Config, name, text string) error {
	if name == "keys" {
		return setKeys(config, text)
	}
	if theirs, found := spelled[name]; found {
		name = theirs
	}
	want := strings.ReplaceAll(name, "_", "")
	field := reflect.ValueOf(config).Elem().FieldByNameFunc(func(field string) bool {
		return strings.EqualFold(field, want)
	})
	if !field.IsValid() {
		return fmt.Errorf("unknown option %q", name)
	}
	err := fmt.Errorf("it cannot be given as text")
	switch field.Interface().(type) {
	case time.Duration:
		var value time.Duration
		if value, err = time.ParseDuration(text); err == nil {
			field.SetInt(int64(value))
		}
	case int:
		var value int
		if value, err = strconv.Atoi(text); err == nil {
			field.SetInt(int64(value))
		}
	case uint8:
		var value uint64
		if value, err = strconv.ParseUint(text, 10, 8); err == nil {
			field.SetUint(value)
		}
	case bool:
		var value bool
		if value, err = strconv.ParseBool(text); err == nil {
			field.SetBool(value)
		}
	case string:
		field.SetString(text)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("option %q: %w", name, err)
	}
	return nil
}
