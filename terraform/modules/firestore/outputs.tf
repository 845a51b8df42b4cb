output "name" {
  description = "Name of the database. Who uses it waits for its indexes, its fields and the grants on it."
  value       = google_firestore_database.this.name

  depends_on = [
    google_firestore_index.this,
    google_firestore_field.indexed,
    google_firestore_field.exempt,
    google_firestore_field.expires_at,
    google_project_iam_member.writes_records,
    google_project_iam_member.reads_records,
  ]
}

output "grants" {
  description = "Who may do what, under which condition."
  value = [
    for grant in concat(values(google_project_iam_member.writes_records), values(google_project_iam_member.reads_records)) :
    { member = grant.member, role = grant.role, condition = one(grant.condition[*].expression) }
  ]
}
