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
  description = "The connected repository, its branch, whether an apply needs approval, and the bucket of the Terraform state."
  type = object({
    repository        = string
    state_bucket      = string
    branch            = string
    approval_required = bool
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

variable "service_accounts" {
  description = "Full names of the service accounts that the deployer assigns to what it deploys."
  type        = map(string)
}
