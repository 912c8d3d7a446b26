// Package waiver lets a run be green although something fails that is known and
// accepted. A waiver names what may fail, by patterns, and says why; it may have
// a last day. It must fail: a waiver whose results pass, that matches nothing,
// or whose day has passed turns the run red, so that the file never holds more
// than what is true.
//
//	version: 1
//	waivers:
//	  - scenario: eof/in-body        # patterns: * and ? match, also a slash
//	    target: line/python-*
//	    variant: byte=*              # optional; without it, any
//	    check: descriptors           # optional; "expectations" is what the scenario itself expects
//	    reason: takes FIN for the end of a message
//	    issue: https://example.test/12
//	    expires: 2027-01-31          # the last day
//
// [File.ApplyTo] is a pure function of a document; [File.UpdateWith] rewrites the text
// of the file and leaves what it does not change as it was.
package waiver
