package hook

import (
	"encoding/json"
	"fmt"
)

// A Memory keeps some bytes over restarts, such as in a file. Load returns
// nothing, and no error, when nothing was saved.
type Memory interface {
	Load() ([]byte, error)
	Save([]byte) error
}

// told is what each hook was told last, by the hook's id.
type told map[string][]Certificate

// memoryJSON is the stored form.
type memoryJSON struct {
	Version int  `json:"version"`
	Told    told `json:"told"`
}

const memoryVersion = 1

func loadTold(m Memory) (told, error) {
	data, err := m.Load()
	if err != nil || len(data) == 0 {
		return told{}, err
	}
	var j memoryJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return told{}, fmt.Errorf("the file is damaged: %w", err)
	}
	if j.Version != memoryVersion || j.Told == nil {
		return told{}, fmt.Errorf("the file has version %d, and this agent reads version %d", j.Version, memoryVersion)
	}
	return j.Told, nil
}

func (t told) save(m Memory) error {
	data, err := json.Marshal(memoryJSON{memoryVersion, t})
	if err != nil {
		return err
	}
	return m.Save(data)
}

// same tells whether two sets are the same to every hook.
func same(a, b []Certificate) bool {
	everything := &Hook{}
	return len(a) == len(b) && everything.diff(a, b).empty()
}
