##@ Your project

review: ## List the guesses of the draft that are left to check
	@$(PYTHON) extras/project/review.py

doctor: $(RAW)/valid.parquet ## Check in seconds whether these data can be trained and monitored
	@$(RUN) extras.project.doctor

image: $(CHAMPION) #- Build the service's container image with model VERSION inside (needs Docker)
	@docker build -t "$$IMAGE" --build-arg MODEL_VERSION="$(or $(VERSION),1)" .
