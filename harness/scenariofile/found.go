package scenariofile

// Found is what `harness explore` notes in the scenario file of a finding, so that it can
// play it again first. `harness run` does not need it.
type Found struct {
	ID     string `json:"id" jsonschema:"required,description=Short and the same in every run."`
	Target string `json:"target" jsonschema:"required"` // name of the target
	// how bad it is
	Severity string     `json:"severity,omitempty" jsonschema:"enum=corruption,enum=crash,enum=hang,enum=spin,enum=leak,enum=wrong-status,enum=noise"`
	Code     string     `json:"code" jsonschema:"required,description=What is wrong in a stable word."`
	Symptom  string     `json:"symptom,omitempty" jsonschema:"description=What distinguishes it from others of the same code."`
	State    string     `json:"state" jsonschema:"required,enum=new,enum=ongoing,enum=resolved,enum=regressed"` // what became of it over runs
	Seed     int64      `json:"seed,omitempty"`                                                                 // seed of the run that found it
	Point    FoundPoint `json:"point" jsonschema:"required,description=The simplest point that shows it."`
	Flags    []string   `json:"flags,omitempty" jsonschema:"description=Flags of the command line that name the target."`
	Folder   string     `json:"folder,omitempty" jsonschema:"description=Where that command was typed."`
}

// FoundPoint is one fault at one place of a conversation.
type FoundPoint struct {
	Direction string `json:"direction" jsonschema:"required,enum=upstream,enum=downstream"` // the direction in which the fault strikes
	Offset    int64  `json:"offset" jsonschema:"required,minimum=0,maximum=2147483647"`     // bytes that pass before the fault
	// what happens there
	Fault      string `json:"fault" jsonschema:"required,enum=split,enum=coalesce,enum=fin,enum=half_close,enum=reset,enum=vanish,enum=stall,enum=heal,enum=corrupt,enum=duplicate,enum=refuse,enum=blackhole,enum=drop,enum=silence,enum=reorder,enum=truncate"`
	Read       bool   `json:"read,omitempty"`                                              // the peer under test has read those bytes first
	Pipelined  bool   `json:"pipelined,omitempty"`                                         // all requests leave at once
	Split      int64  `json:"split,omitempty" jsonschema:"minimum=0,maximum=2147483647"`   // a segment boundary at this offset, too; 0: none
	Exchanges  int    `json:"exchanges,omitempty" jsonschema:"minimum=0,maximum=1000000"`  // only so many exchanges; 0: all
	Connection int    `json:"connection,omitempty" jsonschema:"minimum=0,maximum=1000000"` // which connection it strikes; 0: the first
	Datagram   bool   `json:"datagram,omitempty"`                                          // it strikes a datagram
	Kept       string `json:"kept,omitempty" jsonschema:"enum=first,enum=half,enum=most"`  // what is left of a datagram that is cut: first, half or most
}
