"""The French words of the captions.

A noun stands after its gender (`m` or `f`); `~` is the place of the adjectives that follow it, by default behind all
its words. An adjective that begins with `<` stands before the noun, and one that ends in `=` is invariable. A deed is
an infinitive phrase. `@` is the place of the other thing, `{...}` of an adjective that agrees with the subject, `^` of
the subject's emphatic pronoun, `%` of the new colour, `%f` of its feminine, `$de` and `%à` of the names of the old and
the new colour after these prepositions. Sounds have their articles.
"""

from teachtext.playground.languages.wording import Lexicon, Wording, table

NOUNS = table("""
ball: f balle, f balle, f balle ronde | f sphère, f boule
star: f étoile, f étoile, f étoile ~ à cinq branches | m pentagramme, m emblème étoilé
heart: m cœur | m cœur ~ de Saint-Valentin, m symbole d'amour
car: f voiture, f voiture, f auto | f automobile, f berline
boat: m bateau, m bateau, m voilier | m navire à voiles, m yacht
fish: m poisson | f truite, m animal marin
bird: m oiseau | m moineau, m passereau
tree: m arbre | m chêne, m feuillu
house: f maison, f maison, m pavillon | f chaumière, f demeure
flower: f fleur, f fleur, f fleur des champs | f marguerite, f pâquerette
balloon: m ballon de baudruche, m ballon gonflable, m ballon de fête | m ballon à l'hélium, f baudruche
rocket: f fusée, f fusée, f fusée spatiale | m vaisseau spatial, m engin spatial
clock: f horloge, m réveil | f pendule, m chronomètre
umbrella: m parapluie | f ombrelle, m parasol
cat: m chat, m chat, f tête de chat, m minou | m chaton, m félin
butterfly: m papillon | m lépidoptère, m insecte ailé
""")

VAGUE_NOUNS = table("""
ball: f chose, f chose ronde, m jouet | m objet circulaire
star: f chose, f forme, f figure | m symbole
heart: f chose, f forme | m symbole
car: m véhicule, f chose | m véhicule à moteur
boat: f chose, m véhicule | f embarcation
fish: m animal, f chose | f créature
bird: m animal, f chose | f créature
tree: f plante, f chose | m végétal
house: m bâtiment, f chose | f construction
flower: f plante, f chose | m végétal
balloon: f chose, m jouet | m objet ludique
rocket: f chose volante, m véhicule | m aéronef
clock: f chose, f chose ronde | m appareil
umbrella: f chose, m objet | m accessoire
cat: m animal, m animal de compagnie | f créature
butterfly: m insecte, m animal | f créature
""")

COLOURS = table("""
red: rouge, rouge, rouge vif= | écarlate, cramoisi
blue: bleu, bleu, bleu profond= | bleu cobalt=, azur=
green: vert, vert, vert vif= | émeraude=, vert jade=
yellow: jaune, jaune, jaune vif= | doré, moutarde=
orange: orange=, orangé | mandarine=, ambré
purple: violet, violet, violet foncé= | mauve, lavande=
pink: rose, rose clair= | rosé, magenta=
white: blanc | ivoire=, laiteux
black: noir, noir, sombre | ébène=, noir d'encre=
""")

COLOUR_NAMES = {
    "red": "rouge", "blue": "bleu", "green": "vert", "yellow": "jaune", "orange": "orange", "purple": "violet",
    "pink": "rose", "white": "blanc", "black": "noir",
}  # fmt: skip

SIZES = table("""
small: <petit | <minuscule, <tout petit
medium: de taille moyenne= | de dimensions moyennes=
large: <grand, <gros | <énorme, <immense
""")

PLACES = table(
    """
sky: dans le ciel, dans un ciel nuageux, devant un ciel bleu avec des nuages | dans les airs, parmi les cumulus
sea: sur la mer, en mer, devant la mer bleue, au-dessus de l'eau | sur l'océan, au-dessus des vagues
meadow: dans un pré, dans un champ vert, sur l'herbe | dans un pâturage, sur une pelouse
night: la nuit, de nuit, sous les étoiles, dans un ciel nocturne
    | après la tombée du jour, sous un ciel éclairé par la lune
city: en ville, devant de hauts immeubles, dans une rue de la ville
    | au centre-ville, devant une rangée de gratte-ciel
desert: dans le désert, dans un désert avec un cactus, sur le sable | au milieu des dunes, dans un paysage aride
snow: dans la neige, dans un endroit enneigé, sous la neige
    | dans un paysage hivernal, en pleine tempête de neige
room: dans une pièce, à l'intérieur d'une pièce, devant un mur avec une fenêtre | en intérieur, au salon
checkerboard: sur un damier, devant des carrés gris et blancs, sur un fond à carreaux
    | devant un motif d'échiquier, sur un fond carrelé
forest: dans la forêt, dans les bois, devant de nombreux arbres | dans une zone boisée, au milieu d'une futaie dense
""".replace("\n    |", " |")
)

DEEDS = table(
    """
moves_left: se déplacer vers la gauche, aller vers la gauche, glisser vers la gauche, aller de droite à gauche
    | filer sur la gauche, dériver sur la gauche
moves_right: se déplacer vers la droite, aller vers la droite, glisser vers la droite, aller de gauche à droite
    | filer sur la droite, dériver sur la droite
rises: monter, s'élever, monter tout en haut | grimper, prendre de la hauteur, s'envoler
falls: tomber, tomber par terre, tomber au sol | chuter, dégringoler
bounces: rebondir, rebondir de haut en bas, faire des bonds sur place | bondir encore et encore, faire le yo-yo
spins: tourner sur ^, pivoter sur ^, faire des tours sur ^ | tournoyer, virevolter, faire la toupie
grows: grandir, grossir, devenir plus {grand} | s'agrandir, enfler, prendre de l'ampleur
shrinks: rétrécir, rapetisser, devenir plus {petit} | diminuer, se contracter, s'amenuiser
fades: disparaître, s'effacer, devenir invisible | s'évanouir, se dissiper
appears: apparaître, surgir de nulle part, devenir visible | émerger, se matérialiser
blinks: clignoter, clignoter sans arrêt | scintiller, vaciller
jumps: sauter vers la droite, sauter à travers l'écran, faire trois sauts | bondir à travers l'image, avancer par bonds
zigzags: zigzaguer à travers l'écran, avancer en zigzag | serpenter à travers l'image, louvoyer
swings: se balancer d'un côté à l'autre, se balancer de gauche à droite | osciller comme un pendule, tanguer
shakes: trembler, trembler tout le temps, s'agiter | vibrer, frémir, frissonner
recolours: devenir %, changer de couleur pour devenir % | passer $de %à, prendre une teinte %f
loops: tourner en rond, se déplacer en cercle, faire une boucle | tracer un anneau, décrire des cercles
chases: poursuivre @, courir après @, suivre @ | pourchasser @, traquer @
collides: heurter @, se cogner contre @, rentrer dans @ | entrer en collision avec @, percuter @
meets: rencontrer @, rejoindre @, s'approcher de @ | venir à la rencontre de @, aborder de front @
passes: passer devant @, passer à côté de @, croiser @ | couper la route à @, filer devant @
orbits: tourner autour de @, faire le tour de @, se déplacer autour de @ | graviter autour de @, orbiter autour de @
leaps_over: sauter par-dessus @, sauter au-dessus de @ | bondir par-dessus @, franchir d'un bond @
hides: se cacher derrière @, passer derrière @, disparaître derrière @
    | se dissimuler derrière @, se réfugier derrière @
pushes: pousser @, pousser @ vers l'avant | bousculer @, faire avancer @
""".replace("\n    |", " |")
)

PACES = table("""
slow: lentement, doucement | tranquillement, sans hâte
fast: rapidement, vite | prestement, à toute allure
""")

SOUNDS = table("""
whoosh: un sifflement, un souffle | un bruissement
rising_tone: un son qui monte, un son de plus en plus aigu | une note ascendante
falling_tone: un son qui descend, un son de plus en plus grave | une note descendante
thump: des coups sourds, des chocs étouffés | des battements
whirr: un ronronnement, un vrombissement | un bruit de rouages
hum: un bourdonnement, un son doux | une note tenue
chime: un carillon, un petit son clair | une mélodie scintillante
beep: des bips, un bip répété | des signaux électroniques
boing: un boing, un bruit de ressort | un claquement élastique
creak: un grincement, des grincements | des charnières rouillées
rattle: un cliquetis, un bruit de crécelle | un bringuebalement
footsteps: des pas rapides, des pas | des pieds qui trottinent
bang: un grand bruit, un coup violent | un fracas
ding: un ding, une clochette | un tintement
scrape: un raclement, un bruit de frottement | un crissement
engine: un moteur, un moteur qui tourne | un moteur emballé
horn: une corne, une corne de bateau | une corne de brume
chirp: un gazouillis, le chant d'un oiseau | des pépiements
roar: un grondement, un bruit assourdissant | un rugissement de tonnerre
tick: un tic-tac, le tic-tac d'une horloge | le rythme d'un balancier
meow: un miaou, des miaulements | un animal qui ronronne
wind: le vent, du vent qui souffle | une brise hurlante
waves: des vagues, le bruit de l'eau | le ressac
crickets: des grillons, des insectes nocturnes | des cigales
traffic: de la circulation, les bruits de la rue | des camions qui passent
""")

FILM = Wording(
    ("une vidéo de @", "une courte vidéo de @", "une animation avec @", "un clip avec @", "un dessin animé avec @"),
    ("des images filmées de @", "une séquence animée montrant @"),
)
SEEK = Wording(
    ("trouve le clip où", "la vidéo dans laquelle", "montre-moi la vidéo où", "je veux la vidéo où"),
    ("retrouve la scène dans laquelle", "je cherche l'enregistrement où"),
)
CHAT = Wording(
    (
        "alors voilà, il y a {this}, et {pronoun} {deed}, tout simplement.",
        "regarde, {a} qui {deed}\u202f!",
        "je vois {a} qui {deed}.",
        "bon, ici on a {a}, et {pronoun} {deed}.",
    ),
    ("tiens donc, {a} qui {deed}\u202f!", "drôle de petit film, avec {a} qui {deed}."),
)
STAYS = Wording(("se tient ~", "est ~", "reste ~", "se trouve ~"), ("demeure ~", "demeure immobile ~"))
HEARING = Wording(
    (", et on entend @", ", et l'on peut entendre @", ", avec en fond sonore @"),
    (", {accompagné} de @", ", et l'on perçoit @"),
)
HEARD = Wording(
    ("on entend @.", "j'entends @.", "on peut entendre @.", "nous entendons @."),
    ("la bande-son contient @.", "on perçoit @."),
)
SILENTLY = Wording(("sans aucun son", "en silence", "sans bruit"), ("silencieusement", "dans un silence total"))
SILENT = Wording(
    ("il n'y a pas de son.", "c'est silencieux.", "on n'entend rien."),
    ("la bande-son est muette.", "le silence est absolu."),
)
NEXT = Wording(("puis", "et puis", "et ensuite"), ("et après cela", "à la suite de quoi"))
NEAR = Wording(("à côté de", "près de", "aux côtés de"), ("à proximité de", "dans les parages de"))
VOICE = Wording(("une voix", "quelqu'un"), ("un narrateur", "une oratrice"))
SAYS = Wording(("dit", "est en train de dire"), ("prononce", "déclare"))
READS = Wording(
    ("le mot @ est écrit ~", "on peut lire @ ~", "il y a le texte @ ~", "il est écrit @ ~"),
    ("l'inscription indique @ ~", "des lettres forment @ ~"),
)
WITH = Wording(("avec le mot @", "avec le texte @"), ("avec l'inscription @", "avec la mention @"))
MANY = {"le mot @ est écrit": "les mots @ sont écrits", "le mot @": "les mots @"}

WORDS = Lexicon(
    nouns=NOUNS,
    vague_nouns=VAGUE_NOUNS,
    colours=COLOURS,
    sizes=SIZES,
    places=PLACES,
    deeds=DEEDS,
    paces=PACES,
    sounds=SOUNDS,
    closed=(
        "un une le la les des du de et est a au qui que où dans sur sous devant vers il elle on je ce cette cet avec "
        "par ici y en se sans pendant à"
    ),
)
