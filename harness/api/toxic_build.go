package api

import (
	"net/http"
	"slices"
)

func (m *managedProxy) initialToxics() []toxic {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.toxics
}

func (d *Daemon) listToxics(_ *http.Request, names []string) (reply, error) {
	m, err := d.findProxy(names[0])
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, inDisplayOrder(m.initialToxics())}, nil
}

func (d *Daemon) showToxic(_ *http.Request, names []string) (reply, error) {
	m, err := d.findProxy(names[0])
	if err != nil {
		return reply{}, err
	}
	list := m.initialToxics()
	i := indexOf(list, names[1])
	if i < 0 {
		return reply{}, errToxicNotFound
	}
	return reply{http.StatusOK, list[i]}, nil
}

// createToxic answers 200, not 201: Toxiproxy's clients know it so.
func (d *Daemon) createToxic(r *http.Request, names []string) (reply, error) {
	m, err := d.findProxy(names[0])
	if err != nil {
		return reply{}, err
	}
	in := newToxicInput(m.currentSpec(), m.count())
	if err := readJSON(r, &in); err != nil {
		return reply{}, err
	}
	var made toxic
	err = m.editToxics(func(list []toxic) (_ []toxic, err error) {
		made, err = in.createToxic(list)
		return append(list, made), err
	})
	if err == nil {
		err = d.resizeWindows(r.Context(), m)
	}
	return reply{http.StatusOK, made}, err
}

func (d *Daemon) updateToxic(r *http.Request, names []string) (reply, error) {
	m, err := d.findProxy(names[0])
	if err != nil {
		return reply{}, err
	}
	i := indexOf(m.initialToxics(), names[1])
	if i < 0 {
		return reply{}, errToxicNotFound
	}
	var patch toxicPatch
	if err := readJSON(r, &patch); err != nil {
		return reply{}, err
	}
	var made toxic
	err = m.editToxics(func(list []toxic) (_ []toxic, err error) {
		i := indexOf(list, names[1])
		if i < 0 {
			return nil, errToxicNotFound
		}
		made, err = patch.mergeOver(list[i], m.currentSpec(), m.count()).changeToxic(list[i])
		list[i] = made
		return list, err
	})
	if err == nil {
		err = d.resizeWindows(r.Context(), m)
	}
	return reply{http.StatusOK, made}, err
}

func (d *Daemon) deleteToxic(r *http.Request, names []string) (reply, error) {
	m, err := d.findProxy(names[0])
	if err != nil {
		return reply{}, err
	}
	err = m.editToxics(func(list []toxic) ([]toxic, error) {
		i := indexOf(list, names[1])
		if i < 0 {
			return nil, errToxicNotFound
		}
		return slices.Delete(list, i, i+1), nil
	})
	if err == nil {
		err = d.resizeWindows(r.Context(), m)
	}
	return reply{status: http.StatusNoContent}, err
}
