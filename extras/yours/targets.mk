##@ Making it yours
$(call arguments,NAME)

rename: $(INSTALLED) #- Give the package another NAME, say NAME=churn, in everything that follows from it
	@$(RUN) extras.yours.rename $(if $(value NAME),"$$NAME")

time-new-feature: $(RAW)/valid.parquet #- In a copy: add a feature, train on a sample, serve; how long, and how many files
	@$(RUN) extras.yours.new_feature

check-swap: $(INSTALLED) #- What is still the example's, in the order in which you would change it
	@$(RUN) extras.yours.check_swap
