// Package report renders the document of a run: text for people, JSON and
// JUnit XML for machines. The renderers are pure functions of an
// [outcome.Document]; what a peer wrote never reaches a terminal unescaped.
// [Progress] tells how a run is getting on while there is no document yet.
package report
