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
   <source>Writes a copy of the map with the accepted candidates in it.</source>
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
   <location filename="../../plugin/algorithms/apply_review.py" />
   <source>{} "{}" is not a GeoTIFF: choose a name that ends in .tif.</source>
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
   <source>Further sources, as role=path; role=path</source>
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
   <source>What was found, in words</source>
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
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Fit a meta classifier</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Learns to tell missed places from false alarms, from labels or from reviews.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Prior correction of the rule that finds candidates, 0 to 1 (empty: the run's)</source>
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
   <source>Reviewed candidates</source>
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
   <source>File for the classifier</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Meta classifiers (*.skops)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Report as data (JSON)</source>
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
   <source>Number of candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Number of missed places among them</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>How well it ranks, in words</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>Field of label polygons with the class, by name or id</source>
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
   <source>META "{}": choose a name that ends in .skops.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/fit_meta_classifier.py" />
   <source>meta classifier,training,candidates,review,report</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Flag missed rare places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Lists the places of rare classes that a map has probably missed, best first.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>candidates,rare classes,missed,review,verify,uncertainty,maximum likelihood</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Prior correction of the rule that finds them, 0 to 1 (empty: the run's)</source>
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
   <source>GeoPackages (*.gpkg)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Candidates</source>
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
   <source>Meta classifiers (*.skops);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>Tables and rasters (*.csv *.tif *.tiff *.vrt);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>"{}" is not a GeoPackage: choose a name that ends in .gpkg.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/flag_candidates.py" />
   <source>{} is for mapping first: give IMAGE too, or leave {} empty.</source>
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
   <source>Model (empty: the embedded demonstration model)</source>
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
   <source>Folder for the map, the experts and the evidence</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Land-cover map</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/predict.py" />
   <source>Evidence</source>
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
   <source>Replace results of an earlier run</source>
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
   <source>Screening model (empty: the embedded demonstration model)</source>
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
   <source>Number of tiles</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/algorithms/screen_tiles.py" />
   <source>Classes that they are ranked by</source>
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
   <location filename="../../plugin/build.py" />
   <source>none was found</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>lacks the modules venv or ensurepip</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>making the environment</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>installing the packages</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>Cancelled: the half-built environment was removed.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>Building the backend's environment in {} with {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>Building the backend needs Python {} with venv ({}): install one (on Debian and Ubuntu the package python3-venv, on Windows and macOS from python.org) and run this again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>is Python {}.{}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>The backend could not be built, {} failed ({}): see the log, check the network and try again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>does not start ({})</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>The environment in {} has no Python: try again.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>Removing the outdated environment {}.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>The environment cannot be written to {} ({}): free some space or check the permissions.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>exit code {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/build.py" />
   <source>It could not be removed whole ({}): delete it by hand.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/environment.py" />
   <source>run "Set up the backend" in the Processing toolbox (mce:setup_backend).</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/environment.py" />
   <source>The backend's environment was not built to its end:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/environment.py" />
   <source>The backend's environment was built for another version of the plugin:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/environment.py" />
   <source>The backend, which runs the network, is not installed yet:</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/environment.py" />
   <source>The setting {} names</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/environment.py" />
   <source>The environment variable {} names</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/environment.py" />
   <source>{} "{}", which is not a Python program or environment: correct it, or run "Set up the backend".</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/extents.py" />
   <source>The CRS of EXTENT has no EPSG code and the image has no CRS: give the image its CRS.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/extents.py" />
   <source>EXTENT cannot be transformed from {} to {}: choose another one.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/groups.py" />
   <source>MCE land cover {}</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>Land cover, reviewed</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/layers.py" />
   <source>Seen as {}</source>
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
   <location filename="../../plugin/mapping.py" />
   <source>Extent to map (empty: the whole orthophoto)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/mapping.py" />
   <source>How the experts are combined</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/mapping.py" />
   <source>Engine on a CPU</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/mapping.py" />
   <source>CRS of the map (empty: the orthophoto's)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/mapping.py" />
   <source>Precision</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/models.py" />
   <source>Prior correction of the rule that finds candidates (0 none, 1 full)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/models.py" />
   <source>False alarms accepted for each missed place found (empty: any; to apply: 1)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/models.py" />
   <source>Folder for the map, the experts, the evidence and the candidates</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/models.py" />
   <source>Map with what the meta classifier accepts (empty: in the folder)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/models.py" />
   <source>Map land cover and flag missed rare places</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/models.py" />
   <source>Maps land cover, lists the rare places it has probably missed, all in one go.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/models.py" />
   <source>land cover,candidates,rare classes,model,workflow</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/parameters.py" />
   <source>Model bundles (*.safetensors);;All files (*)</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/parameters.py" />
   <source>The model "{}" is not a file: choose a .safetensors bundle or leave MODEL empty.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/parameters.py" />
   <source>{} "{}" is not a file: choose another one or leave it empty.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Map land cover…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Flag missed rare places…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Map land cover and flag missed rare places…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Fit a meta classifier…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Apply a review to the map…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Explain a place…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Screen tiles for rare classes…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Show a model's card…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Make an example scene…</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/plugin.py" />
   <source>Set up the backend…</source>
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
   <location filename="../../plugin/source_list.py" />
   <source>SOURCES has "{}": write role=path, several separated by semicolons.</source>
   <translation type="unfinished" />
  </message>
  <message>
   <location filename="../../plugin/source_list.py" />
   <source>SOURCES names the role {}: give that raster as {}.</source>
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
   <source>{} is not a GeoPackage of candidates: choose a file that "Flag missed rare places" wrote.</source>
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
