variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "deployment" {
  description = "Name of the deployment and of its file in environments/."
  type        = string
}

variable "project_id" {
  description = "The deployment's project."
  type        = string
}

variable "region" {
  description = "Region of the triggers and their bucket, and of the connected repository."
  type        = string
}

variable "pipeline" {
  description = "The connected repository, its branch, whether an apply needs approval, who approves, and the bucket of the Terraform state."
  type = object({
    repository        = string
    state_bucket      = string
    branch            = string
    approval_required = bool
    approvers         = list(string)
  })
}

variable "deletion_protection" {
  description = "Whether the kept plans survive terraform destroy."
  type        = bool
}

variable "dispatcher_url" {
  description = "Address where the smoke test starts a dry run."
  type        = string
}

variable "status_url" {
  description = "Address where the smoke test reads the result."
  type        = string
}

variable "deployer" {
  description = "The service account that applies, and makes the smoke test's calls."
  type = object({
    id     = string
    name   = string
    email  = string
    member = string
  })
}

variable "databases" {
  description = "Names of the Firestore databases, in which the deployer changes indexes."
  type        = list(string)
}

variable "packages_bucket" {
  description = "Bucket of the functions' zips, to which the deployer adds."
  type        = string
}

variable "functions" {
  description = "Names of the functions that the deployer changes, which are those of their Cloud Run services too."
  type        = map(string)
}

variable "queues" {
  description = "Names of the queues that the deployer changes."
  type        = map(string)
}

variable "service_accounts" {
  description = "Full names of the service accounts that the deployer assigns to what it deploys."
  type        = map(string)
}
