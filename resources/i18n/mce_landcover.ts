<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
 <context>
  <name>MceLandCover</name>
  <message>
   <location filename="../../plugin/algorithm.py" />
   <source>Backend: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Map with them (empty: land_cover_reviewed.tif in the run's folder)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Apply a review to the map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Writes a copy of the map with missed places in it and without false ones, as was decided.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Folder of the run</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Candidates of the run</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Who decides</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>False alarms accepted for each missed place found (empty: as flagged, else 1)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>False places kept rather than lose a true one, where the classifier decides</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Replace an earlier result</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Add the map to the project</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Log of the changes (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Number of candidates applied</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>Number of pixels changed</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>What was changed, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>review,candidates,accept,fusion,verified map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Sample to interpret</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Draw a sample of a map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Draws random points of a map, class by class, for an interpreter to fill in.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Land-cover map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Number of points</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Points of each class at least</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Replace an earlier sample (never one with answers)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Seed: each gives other points</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>Points of each class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>The sample is a temporary file: save it elsewhere before you fill it in, or it is lost.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/draw_sample.py" />
   <source>random,stratified,points,accuracy,validation,interpretation</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Evaluate a map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Says how good a map is, against true classes or from an interpreted sample.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>accuracy,validation,confusion matrix,error matrix,area estimation,confidence interval</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>There is nothing to compare the map with: give REFERENCE, POLYGONS or SAMPLE.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>The true classes are given twice: leave REFERENCE or POLYGONS empty.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>True classes: raster</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>True classes: polygons</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Field of the polygons with the class, by name or id (empty: class)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Interpreted sample</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Field of the sample with the true class (empty: reference)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Folder of the run whose experts are compared (empty: the one that made the map)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Map that the sample was drawn from (empty: the map itself)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Average as the MCE paper does</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Replace an earlier report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Folder for the report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Accuracy report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Report as data (JSON)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Scores of each class (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Confusion matrix (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Scores of the map, its experts and the oracle (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Rare places found, missed and false (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Accuracies and areas from the sample (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Interpreted points: mapped and true classes (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Overall accuracy, 0 to 1</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Mean accuracy (recall) of the classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Mean intersection over union</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Mean accuracy of the head classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Mean accuracy of the body classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Mean accuracy of the tail classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Number of pixels compared</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Overall accuracy from the sample</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Half-width of its 95 % confidence interval</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>Number of interpreted points</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/evaluate.py" />
   <source>What was found, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Heat map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Explain a place</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Shows which pixels spoke for a class at a place, or for flagging a candidate.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>explain,why,heat map,relevance,candidates,experts,attribution,saliency</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>One place is explained at a time: give CANDIDATES, POINT or EXTENT.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>UUID is empty and not just one candidate is selected: give it, or select one candidate.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Candidates, one of which is explained</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>The candidate's uuid (empty: the one that is selected)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Or a point</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Or an extent</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Class to explain, by name or id (empty: the candidate's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Expert, by name or number (empty: the specialist of the class)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Orthophoto (empty: that of the candidate's run)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Elevation model (DEM), if the model reads one</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Model (empty: that of the candidate's run, else the embedded one)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Replace an earlier heat map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Explain the lead over this class, by name or id (empty: none)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>CRS of the heat map of a point or an extent (empty: the orthophoto's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Device</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Class that was explained</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Expert that was asked</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Mean logit at the place</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Share of the relevance within the place</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>Share of each source</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>CRS is that of the candidate's run: leave it empty.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>EXTENT is empty: choose another one.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/explain.py" />
   <source>{} is needed for a point or an extent: give it too.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Export accepted candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Writes the accepted candidates with their OBJEKTART code, evidence and source.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Reviewed candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Class catalogue with the codes (empty: swissTLM3D)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Accepted candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Number of accepted candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Number of missed places found</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Number of doubtful places thrown out</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>Class catalogues (*.json);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>none is known</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>{} accepted candidates were written: missed places found {}, doubtful places kept {}, given another class {}. Doubtful places thrown out: {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>review,candidates,accepted,export</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/export_review.py" />
   <source>No single OBJEKTART for "{}" (candidates: {}): set it by hand ({}).</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Learn how to combine the experts</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Teaches a model on tiles with labels how its experts are best combined.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>{}, before</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Model (empty: the embedded one)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Tiles with labels: their train.yaml or folder, or the configuration of the training</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Tiles to learn from</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Call as many pixels rare as this combination</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Replace an earlier model</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>File for the model</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>The combination that it was compared with</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>Tiles of the scores: test or val</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_aggregation.py" />
   <source>aggregation,experts,calibration,ensemble,stacking</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Fit a meta classifier</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Learns which missed places are real and which of the map's are false.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>There is nothing to learn from: give RUNS with LABELS, or REVIEWED candidates.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Runs (their run.json)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>True classes of each run in the same order, or of all</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Classes to look for, by name or id, with commas (empty: the rare ones)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Replace an earlier classifier</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Field of label polygons with the class, by name or id</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Prior correction of the rule that finds candidates, 0 to 1 (empty: the run's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Features</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Folds of the cross-validation</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Side in metres of the tiles that stay in one fold</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Balance the training with SMOTE</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Seed</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>File for the classifier</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>ROC AUC, mean over the folds</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Its standard deviation over the folds</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Number of candidates for missed places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Number of missed places among them</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>ROC AUC of doubtful places, mean over the folds</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Number of doubtful places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Number of false ones among them</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>How well it ranks, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>META "{}": choose a name that ends in .json.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Meta classifiers (*.json)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>meta classifier,training,candidates,review,report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Flag missed and doubtful rare places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Lists the places of rare classes that a map has missed or that may be false, best first.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>candidates,rare classes,missed,review,verify,uncertainty,maximum likelihood</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Folder of the run (with an orthophoto below: made there first)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Meta classifier (empty: ranked by the margin)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Places to list: missed, doubtful or both</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>False alarms accepted for each missed place found (empty: any number)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Smallest area in square metres</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Replace earlier candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>File for the candidates (empty: candidates.gpkg in the run's folder)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Prior correction of the rule that finds them, 0 to 1 (empty: the run's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Priors by altitude, or raster of priors (empty: those of the model)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Simplify outlines by so many metres (0: the pixels' own)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Add the candidates to the project</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Number of candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Number of doubtful places among them</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Candidates of each class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>What they are ranked by</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Meta classifiers (*.json *.skops);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Tables and rasters (*.csv *.tif *.tiff *.vrt);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>{} is for mapping first: give IMAGE too, or leave {} empty.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/import_weights.py" />
   <source>Import published weights</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/import_weights.py" />
   <source>Turns the checkpoint that the authors of MCE have published into a model.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/import_weights.py" />
   <source>Published checkpoint</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/import_weights.py" />
   <source>Checkpoints (*.pth *.pt);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/import_weights.py" />
   <source>model,weights,checkpoint,swisstopo</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Make an example scene</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Writes a synthetic alpine orthophoto, DEM and label raster to try the tools on.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>example</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>synthetic</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>demo</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Side in metres</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Seed: each gives another landscape</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Replace an earlier scene</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Add the layers to the project</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Folder for the scene</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Orthophoto</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Elevation model (DEM)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>True classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>Orthophoto (synthetic)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>DEM (synthetic)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/make_scene.py" />
   <source>example scene {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Model (empty: the embedded demonstration model)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Extent to map (empty: the whole orthophoto)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Prior correction of the rule that finds candidates (0 none, 1 full)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>False alarms accepted for each missed place found (empty: any; to apply: 1)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Replace results of an earlier run</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Folder for the map, the experts, the evidence and the candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Map with what the meta classifier accepts (empty: in the folder)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Map land cover and flag missed rare places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>Maps land cover, lists the rare places it has probably missed, all in one go.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/map_and_flag.py" />
   <source>land cover,candidates,rare classes,model,workflow</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Merge reviews</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Joins what several people decided on copies of one file of candidates.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Decided candidates that the first copy does not have: {}; the log keeps them.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Decisions and undos of {} copies together: {}. Candidates on which people differ: {}; the last decision counts, see {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Reviewed copies of the candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>File for the merged review</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Table of the disagreements (CSV)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Rows of the merged log</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>Number of disagreements</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>What was merged, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>GeoPackages (*.gpkg)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/merge_reviews.py" />
   <source>review,candidates,decisions,merge,union,disagreement</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>Show a model's card</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>Lists the classes, experts, inputs and scores of a model bundle.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>model</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>card</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>experts</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>Model card as text</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>Name</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>SHA-256 of the file</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>Number of classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>Number of experts</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/model_info.py" />
   <source>Roles of the inputs, separated by commas</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>{} (file of its own)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Map land cover</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Maps land cover with complementary experts from an orthophoto and a DEM.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>land cover,classification,segmentation,deep learning,experts,orthophoto,rare classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Evidence</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Prior correction of the maximum-likelihood evidence (0 none, 1 full)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Overlap of windows, 0 to 0.9 (empty: the model's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Windows per batch (0: automatic)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Keep the experts' logits, to decide anew later (large)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Map only the first of these screened tiles (empty: all of the extent)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Share of the tiles to map, the likeliest first</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Add all results to the project</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Folder for the map, the experts and the evidence</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Record of the run (run.json)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Logits of the experts, where kept</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Number of windows</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Seconds taken</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Device used</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Precision used</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>GeoPackages (*.gpkg);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Mapped {} windows in {:.1f} s on {} with {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Expert {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Prepare training tiles</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Cuts layers and labels to tiles, deals them to training, validation and test.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Tiles: {}. Share of the pixels of each class, %:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Labels: polygons or a raster</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Classes: swisstlm3d, flair, a table or a model (empty: those of the labels)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Extent in which labels count (empty: everywhere)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Side of a tile in pixels</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>How tiles are dealt</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Share of tiles to validate on</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Share of tiles to test on</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>CRS of the tiles (empty: the orthophoto's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Pixel of the tiles in metres (empty: the label raster's, or the orthophoto's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Side of a block in metres (empty: up to four tiles)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Leave out tiles of which less is labelled, 0 to 1</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Labels hold class ids, or codes of the source</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Further values that mean unlabelled, with commas</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Name of the model-to-be</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Replace earlier tiles</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Folder for the tiles</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Configuration for training (train.yaml)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Number of tiles</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Tiles to train on</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Tiles to validate on</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Tiles to test on</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Labelled pixels</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>Pairs of neighbouring tiles in different splits</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>What to mind, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>LABELS is neither polygons nor a raster that QGIS can read: choose another layer.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/prepare_tiles.py" />
   <source>training,tiles,chips,labels,split,statistics</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>Rank candidates anew</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>Gives candidates new scores and ranks by a meta classifier; decisions stay.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>Candidates to rank anew</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>Fitted meta classifier</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>File of the candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>What was done, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>Meta classifiers (*.json *.skops)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/rank_candidates.py" />
   <source>meta classifier,candidates,review,rank,score</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Report on a review</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Counts how many flags were right, how fast the review went, and how far people agree.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>{} of {} doubtful places are decided: {} kept, {} thrown out, {} of another class, {} unsure.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>{} of {} missed places are decided: {} accepted, {} rejected, {} of another class, {} unsure.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Table of all candidates and their state</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Number of decided candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Precision of the flags of missed places, 0 to 1</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Share of false ones among doubtful places, 0 to 1</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Agreement of two people, 0 to 1</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>What was decided, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Web pages (*.html)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>Tables (*.csv)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/review_report.py" />
   <source>review,candidates,precision,statistics,agreement,report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Screen tiles for rare classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Ranks the tiles of a region by the probability that they hold a rare class.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>tiles,screening,rare classes,where to look first,hectares,multi-label,classification</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Classes to rank by, by name or id, with commas (empty: the rare ones)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Side of the squares in metres, a multiple of the model's tile (empty: the tile)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Replace an earlier layer</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Add the tiles to the project</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>File for the tiles</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Tiles</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Classes that they are ranked by</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Screening model (empty: the embedded demonstration model)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Set up the backend</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Installs or chooses the Python environment that runs the network.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>install</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>environment</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>dependencies</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Use this Python or environment (empty: build one)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Build again even if a backend works</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Also install what training a model needs</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Python of the backend</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Versions and devices</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Give either PYTHON or REBUILD: a chosen environment is never rebuilt.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Backend: {} (Python {})</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Versions: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>Devices: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>"{}" is not a Python program or environment: correct PYTHON.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>The environment variable {} decides which Python is used ({}): correct it or unset it first.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/setup_backend.py" />
   <source>The setting no longer names {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Train a model</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Trains a model of complementary experts on a folder of tiles.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Mean accuracy of the classes, 0 to 1</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Overall accuracy</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Mean IoU</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Accuracy of frequent classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Accuracy of classes in between</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Accuracy of rare classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>LEARNING_RATE is 0, with which nothing is learnt: give a small number such as 0.001.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Tiles to train on: their train.yaml or folder, or another configuration</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Epochs, times through the tiles (empty: as configured)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Encoder</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Start at ImageNet weights (downloads them)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Loss (all but mce are for one expert)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Learning rate (empty: as configured)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Go on with an unfinished training (else it is discarded)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Further settings, a section.name=value per line</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>File for the model (empty: where the configuration says)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Folder of checkpoints and logs</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Tiles of the scores: test or validation</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>Epoch of the weights</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>training,deep learning,experts,loss,accuracy,fine-tuning</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>SET has "{}": write section.name=value, one per line.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/train.py" />
   <source>SET has {}: train on several devices from the command line.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The backend lacks what training needs: run "Set up the backend" with its box for training (mce:setup_backend, TRAINING).</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>run "Set up the backend" in the Processing toolbox (mce:setup_backend).</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The backend's environment was not built to its end:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>installing the packages</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>none was found</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>lacks the modules venv or ensurepip</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The backend's environment was built for another version of the plugin:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The backend, which runs the network, is not installed yet:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>making the environment</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>Cancelled: the half-built environment was removed.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The setting {} names</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The environment variable {} names</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>Building the backend's environment in {} with {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>Adding what training needs to {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>Building the backend needs Python {} with venv ({}): install one (on Debian and Ubuntu the package python3-venv, on Windows and macOS from python.org) and run this again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>is Python {}.{}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The backend could not be built, {} failed ({}): see the log, check the network and try again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>{} "{}", which is not a Python program or environment: correct it, or run "Set up the backend".</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>does not start ({})</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The environment in {} has no Python: try again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>Removing the outdated environment {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>The environment cannot be written to {} ({}): free some space or check the permissions.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>exit code {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/backend.py" />
   <source>It could not be removed whole ({}): delete it by hand.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>Configurations (*.yaml *.yml);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>Table of the classes: id, name, group (empty: those of the run that made the map)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>The model "{}" is not a file: choose a .safetensors bundle or leave MODEL empty.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>"{}" is not a GeoPackage: choose a name that ends in .gpkg.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>Model bundles (*.safetensors)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>Tables (*.csv *.txt);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>Model bundles (*.safetensors);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>{} "{}" is not a file: choose another one or leave it empty.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>{} "{}": choose a name that ends in .safetensors.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>CONFIG "{}" is neither a folder of tiles nor a file.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/file_parameters.py" />
   <source>{} "{}" is not a GeoTIFF: choose a name that ends in .tif.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layer_parameters.py" />
   <source>Further sources, as role=path; role=path</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layer_parameters.py" />
   <source>CRS of the map (empty: the orthophoto's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layer_parameters.py" />
   <source>Precision</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layer_parameters.py" />
   <source>How the experts are combined</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layer_parameters.py" />
   <source>Engine on a CPU</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layer_parameters.py" />
   <source>SOURCES has "{}": write role=path, several separated by semicolons.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layer_parameters.py" />
   <source>SOURCES names the role {}: give that raster as {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>Land cover, reviewed</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>Sample</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>MCE land cover {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>Seen as {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>Tiles: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>Land cover</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>The style {} was not used ({}).</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/provider.py" />
   <source>MCE Land Cover: land cover from an orthophoto and a DEM</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>{} is not a raster that QGIS can read: choose another layer or file.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>Cancelled: the job was stopped before its end.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>The CRS of EXTENT has no EPSG code and the image has no CRS: give the image its CRS.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>{} is no local file: exporting {} x {} pixels in {} to {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>{} cannot be exported: save it as a GeoTIFF first.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>{} could not be exported ({}): save it as a GeoTIFF and use that.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>{} has no CRS: set the CRS of the layer.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>{} is a service without an end ({}): choose EXTENT, the part to map.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>{} is a service and EXTENT is not in metres ({}): choose EXTENT in a projected CRS.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>EXTENT does not overlap {}: choose an extent inside the raster.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/rasters.py" />
   <source>EXTENT cannot be transformed from {} to {}: choose another one.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Place in the queue</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Which of the candidates in the queue this is</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Status</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>What was decided on this candidate, by whom and when</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Question</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>What is asked of this place</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Flagged class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>The rare class in question, and whether the map says it here</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Other class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Of a missed place: what the map says. Of a doubtful one: what the map would say instead</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Score</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Probability that the map is wrong here, by the meta classifier</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Score in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>How likely the map is wrong here</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Area</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Area of the candidate</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>What the metrics of the candidate say</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Experts</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Which experts see the flagged class: a square for each, in order</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>Experts that agree</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>How many experts see the flagged class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>{} of {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>{}: colour</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>{} It sees {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/candidate_panel.py" />
   <source>{} of {} experts agree</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/choosing.py" />
   <source>The candidates are ranked by your decisions in the background: go on meanwhile.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/choosing.py" />
   <source>{} can only be read: work on a copy to rank it anew.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>The outline of this candidate is broken: flag the run anew.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>The new outline is no polygon: draw it anew.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>The new outline crosses itself: correct it and decide again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>{} is no GeoPackage of candidates, or is damaged: choose one from "Flag missed and doubtful rare places".</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>{} is not there: choose a GeoPackage of candidates.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>{} was made by another version (its tables are of version {}, not {}): flag the run anew.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>{} does not say which CRS it is in: flag the run anew.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>{} cannot be used ({}): check its disk, its rights and its folder's.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>{} is in use by another program: close it there, or try again in a moment.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/database.py" />
   <source>{} cannot be written: check its rights, or work on a copy.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Classes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>What is really there</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Another…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Accept</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Reject</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Unsure</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Previous</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Skip</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Next</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Undo</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Redo</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Draw</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>What the keys do</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>What to accept and to reject does to the map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Change the keys</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Opens QGIS's own list of shortcuts; ours stand under "MCE Land Cover"</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Help</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>How a review is done, with pictures</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Review candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Verify the places where the map may be wrong</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Keys</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>What each key does</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Panels of the review</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Change the keys…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Help…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>It is {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Expert {}: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>{}. Right-click to say which layer it is.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Layers</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>What the map shows</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Progress</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>How far you are</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Queue</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Which candidates come, and when</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Finish</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>What comes after the decisions</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/dock.py" />
   <source>Key for: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/drawing.py" />
   <source>There is no outline left: draw one, or stop drawing to keep the old one.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/entry.py" />
   <source>Review candidates…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/entry.py" />
   <source>Verify the places where the map may be wrong, one key at a time</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/entry.py" />
   <source>Review these candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/entry.py" />
   <source>Review</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/export.py" />
   <source>{} is no class catalogue: it needs a list `classes` with `name` and `codes`.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Accepted</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Rejected</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Undecided</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Doubtful places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Missed places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Is this really {}?</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Was {} overlooked here?</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>{}: doubtful, the map says so</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>{}: perhaps missed</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>the next best class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The map is wrong here with a probability of {:.0%}. Rank {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>A missed place with a probability of {:.0%}. Rank {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The network is quite sure what it sees here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The network has some doubt what it sees here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The network doubts a lot what it sees here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The network hardly knows what it sees here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>For the map both were equally probable.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Expert {} sees {} here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Expert {} does not see {} here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The speed is known after the first decision.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>doubtful: {} kept, {} thrown out</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>missed: {} found, {} not</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>less than a minute</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>{} by {}, {} UTC</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Reclassified</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>keep</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>in place of {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Expected overlap with the true place (IoU): {:.0%}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>{} m², like a square of {:.0f} m</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>If it were no rarer than others: {} {:.0%}, the next class {:.0%}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>For the map {} was {:.0%} as probable as {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>{:.1f} a minute, {} left</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>{} h {} min</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>Reclassified to {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>becomes {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>stays {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The map missed it: {} is put here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The map is right: {} stays here.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>else mostly {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>No score: it was flagged without a meta classifier. Rank {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>{} min</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/facts.py" />
   <source>The map is wrong: each pixel takes its next best class, mostly {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/finishing.py" />
   <source>Statistics</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/finishing.py" />
   <source>Save the report…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/finishing.py" />
   <source>Opens the tool that writes this page and a table</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/finishing.py" />
   <source>Second look</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/finishing.py" />
   <source>Share of what others decided that you look at again, in per cent:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/finishing.py" />
   <source>The second look is over: all candidates are in the queue again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/finishing.py" />
   <source>{} candidates for a second look, without what was decided. The button ends it.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/first_look.py" />
   <source>{}: of {} places of the map {} were right, {} false, {} unsure.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/first_look.py" />
   <source>{}: of {} places {} were overlooked, {} not, {} unsure.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Decide</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Move</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Look</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>More</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Accept: its class is there</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Reject: its class is not there</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Another class…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Skip for now</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Next undecided</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Next expert</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Hillshade</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Change between the last two layers</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Change between them by itself, on and off</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Outline on and off</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Back to the candidate</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Keep the scale, on and off</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Second map, on and off</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Write a note</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>Draw the outline, and stop drawing</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>List of keys</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/keys.py" />
   <source>It is class {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>Candidates to review</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>Candidates (*.gpkg)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>Who reviews?</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>Your name stands beside every decision:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>The project has no layer "{}": load the layers of the run, or right-click its button.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>The folder of the run is not there: add its layers, then right-click the buttons.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>The scale stays from now on.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>Every candidate fills the view.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/map_views.py" />
   <source>The present view lies outside of the candidates' CRS: zoom in.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/maps.py" />
   <source>Review: second map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/maps.py" />
   <source>Second map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/maps.py" />
   <source>Follows the first map; the keys of the review work here, too</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/maps.py" />
   <source>Layer of the second map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/maps.py" />
   <source>What the second map shows</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/maps.py" />
   <source>The candidate has no place in the project's CRS {}: choose another CRS.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/maps.py" />
   <source>Theme: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/merge.py" />
   <source>Merging takes two or more different files: choose another copy.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/merge.py" />
   <source>{} is one of the copies, which are only read: choose another name.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/merge.py" />
   <source>{} is there already: choose another name, or overwrite it.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/merge.py" />
   <source>{} and {} have no candidates in common: choose copies of one file.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/merge.py" />
   <source>{} cannot be written ({}): check its folder's rights and space.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/merge.py" />
   <source>The decision {} is not the same in all copies: one of them was changed by hand.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Rank the rest by what is decided so far</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Learns from the decisions in the background and ranks all candidates anew; you can go on</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Order</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>In which order candidates come</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Kind</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Missed places, doubtful ones of the map, or both</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Both</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Only candidates of these classes; none ticked: of all</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Only candidates with this status; none ticked: all</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Lowest score</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Only candidates with this score or a higher one</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Highest score</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Only candidates with this score or a lower one</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Only in the present view</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Only candidates whose centre the map shows at the moment of ticking</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>First look</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Only a few of each, from the best score to the worst, to see early how bad it is</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>All candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Take every condition away</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Highest expected gain first</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Highest expected gain by area first</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Class by class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Largest first</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>A short walk</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Tile by tile</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Speed</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Your last decisions per minute, and what that means</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Decided candidates of all in the queue</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>How many were right, by class and kind</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Go on with all</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Ends the first look, ranks stay</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>All</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Highest score first</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Best rank first</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Decided candidates of {}: {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Statistics…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>How often the flags were right, and how fast you are</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Export the accepted…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Writes the accepted outlines to a layer</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Apply the review to the map…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Opens the tool that writes a copy of the map with the accepted candidates in it</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Fit a meta classifier…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Opens the tool that learns from your decisions, so that the next list is better</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Second look…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Shows some decided candidates again, as if nobody had decided, to see whether you agree</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Load the layers of the run</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Adds what the project lacks: orthophoto, map, experts, evidence, hillshade</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Reviewer…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Says who reviews; it stands beside every decision</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>Progress of {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>The first look is done.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/panels.py" />
   <source>First look: {} of each class and kind</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/ranking.py" />
   <source>Cancelled: the ranks are as they were.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>The interval (Wilson) holds if those judged stand for their group, which they do not where only the best were looked at. Candidates are no random sample of the map: nothing here says how accurate the map is.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>All decisions, those taken back too; minutes with a candidate in view, without the pauses.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>How far people agree</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>First decision (rows) and that of another person (columns).</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Where people differ</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Decided</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Decisions a minute</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>People</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Agreement</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Review of candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Missed places found</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Precision of the flags</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>By flagged class.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>How many doubtful places of the map were false</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>The share of false places is that of the rejected and those given another class among all that were judged; what is unsure is not judged.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>How many flags were right</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Precision is the share of accepted candidates among those accepted, rejected or given another class; what is unsure is not judged.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>another class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>unsure</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>user</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>decisions</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>minutes</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>a minute</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>first (UTC)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>last (UTC)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>How fast it went</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>rank</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>what</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>class</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>x</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>y</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>decisions, the last one counts</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>What was reviewed</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>False places thrown out</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>False of the doubtful</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>By score of the meta classifier.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>The candidates have no scores.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>kept</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>accepted</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>thrown out</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>rejected</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Of {} candidates that a second person decided, {} came to the same: {} (95 % interval {} to {}). This tells something of the verdicts only where the second did not see the first, as on a second look.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>{} candidates; the first {} are listed, all are marked in the table (CSV).</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>file</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>run</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>its SHA-256</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>ranked by</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>rows of the log</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>decided</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>95 % interval</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>score</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>No candidate was decided by two people.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>Nowhere.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>value</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>share false</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>precision</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/report.py" />
   <source>note</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/reviewer.py" />
   <source>No candidate passes the filter.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/reviewer.py" />
   <source>All candidates in the queue are decided.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/reviewer.py" />
   <source>Draw with QGIS's tools, then accept or choose a class. Pressing the key again stops.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/reviewer.py" />
   <source>Outline of candidate {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/session.py" />
   <source>There is no candidate to decide on: change the filter.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/session.py" />
   <source>{} {}, rank {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/statistics.py" />
   <source>all</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/statistics.py" />
   <source>The share of a second look must be more than 0 and at most 1.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/statistics.py" />
   <source>Nobody but you has decided anything here: a second look is for a colleague.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>Say who reviews: every decision is kept with its user.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>A class goes with reclassifying, and with nothing else.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>This decision was taken back already.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>{} can only be read: look at it, or work on a copy to decide.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>The candidate was deleted from the file meanwhile: open the review anew.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>The file has no candidate {}: was it deleted?</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>The map has no class {}: choose another.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>There is no decision {} to take back.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>{} can only be read: work on a copy to decide.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>{} was replaced or moved meanwhile, the decision is not kept: open the review anew.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>Candidates with decisions that are no longer in the file: {}; the log keeps them.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/store.py" />
   <source>Outlines that flagging did not make are left out: {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/widgets.py" />
   <source>Kept with your next decision on this candidate. Escape goes back to the map.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/widgets.py" />
   <source>Note</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/widgets.py" />
   <source>Close</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/review/widgets.py" />
   <source>Close this page</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/vectors.py" />
   <source>{} is not a layer that QGIS can read: choose another one.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/vectors.py" />
   <source>{} could not be exported ({}): save it as a GeoPackage and use that.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/vectors.py" />
   <source>{} is not a GeoPackage of candidates: choose a file that "Flag missed and doubtful rare places" wrote.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/worker.py" />
   <source>perhaps for lack of memory</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/worker.py" />
   <source>which is a crash, not a refusal</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/worker.py" />
   <source>The backend ended with exit code {} before the job was done ({}): see the log.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/worker.py" />
   <source>The backend was ended by the system ({}, {}): see the log for what it said last.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/worker.py" />
   <source>The backend ended with exit code {} and without a word: set it up again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/worker.py" />
   <source>The backend's Python {} cannot be started ({}): check the path or set up the backend again.</source>
   <translation type="unfinished" />
  </message>
 </context>
</TS>
