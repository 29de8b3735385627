-- Which incidents show an alert: the news that it is over goes there, and an alert that is removed is removed from there.

CREATE INDEX incident_alerts_of_alert ON incident_alerts (alert);
