"""The Spanish words of the captions.

A noun stands after its gender (`m` or `f`); `~` is the place of the adjectives that follow it, by default behind all
its words. An adjective that begins with `<` stands before the noun, and one that ends in `=` is invariable. A deed is
an infinitive phrase. `@` is the place of the other thing, `@a` of the thing with the personal "a", `@q` with that "a"
where the thing is an animal, `{...}` of an adjective that agrees with the subject, `^` of the subject's "sí mismo",
`%` of the new colour, `%m` of its masculine, `$de` and `%a` of the names of the old and the new colour after these
prepositions. Sounds have their articles.
"""

from teachtext.playground.languages.wording import Lexicon, Wording, table

NOUNS = table("""
ball: f pelota, f pelota, m balón | f esfera, f bola
star: f estrella, f estrella, f estrella ~ de cinco puntas | m pentáculo, m emblema estrellado
heart: m corazón | m corazón ~ de San Valentín, m símbolo de amor
car: m coche, m coche, m auto | m automóvil, m turismo
boat: m barco, m barco, m velero | f embarcación de vela, m yate
fish: m pez | f trucha, m animal marino
bird: m pájaro | m gorrión, m ruiseñor
tree: m árbol | m roble, m abeto
house: f casa, f casa, f vivienda | f cabaña, m chalé
flower: f flor | f margarita, f flor silvestre
balloon: m globo, m globo, m globo de fiesta | m globo de helio, m hinchable
rocket: m cohete, m cohete, m cohete espacial | f nave espacial, f astronave
clock: m reloj, m despertador | m cronómetro, m temporizador
umbrella: m paraguas | f sombrilla, m parasol
cat: m gato, m gato, f cara de gato, m minino | m gatito, m felino
butterfly: f mariposa | f polilla, m insecto alado
""")

VAGUE_NOUNS = table("""
ball: f cosa, f cosa redonda, m juguete | m objeto circular
star: f cosa, f forma, f figura | m símbolo
heart: f cosa, f forma | m símbolo
car: m vehículo, f cosa | m vehículo de motor
boat: f cosa, m vehículo | f embarcación
fish: m animal, f cosa | f criatura
bird: m animal, f cosa | f criatura
tree: f planta, f cosa | m vegetal
house: m edificio, f cosa | f construcción
flower: f planta, f cosa | m vegetal
balloon: f cosa, m juguete | m objeto de juego
rocket: f cosa voladora, m vehículo | f aeronave
clock: f cosa, f cosa redonda | m aparato
umbrella: f cosa, m objeto | m accesorio
cat: m animal, f mascota | f criatura
butterfly: m insecto, m animal | f criatura
""")

COLOURS = table("""
red: rojo, rojo, rojo vivo= | escarlata=, carmesí=
blue: azul, azul, azul intenso= | azul cobalto=, azul zafiro=
green: verde, verde, verde intenso= | verde esmeralda=, verde jade=
yellow: amarillo, amarillo, amarillo vivo= | dorado, mostaza=
orange: naranja=, anaranjado | mandarina=, ámbar=
purple: morado, violeta= | malva=, lavanda=
pink: rosa=, rosa claro= | rosado, magenta=
white: blanco | marfil=, lechoso
black: negro, negro, oscuro | ébano=, azabache=
""")

COLOUR_NAMES = {
    "red": "rojo", "blue": "azul", "green": "verde", "yellow": "amarillo", "orange": "naranja", "purple": "morado",
    "pink": "rosa", "white": "blanco", "black": "negro",
}  # fmt: skip

SIZES = table("""
small: <pequeño, pequeño | diminuto, minúsculo
medium: mediano, de tamaño mediano= | de tamaño medio=
large: grande, <gran= | <enorme, <inmenso
""")

PLACES = table(
    """
sky: en el cielo, en un cielo nublado, delante de un cielo azul con nubes | en las alturas, entre cúmulos
sea: en el mar, en alta mar, delante del mar azul, sobre el agua | en el océano, sobre las olas
meadow: en un prado, en un campo verde, sobre la hierba | en una pradera, sobre el césped
night: de noche, por la noche, bajo las estrellas, en un cielo nocturno
    | tras el anochecer, bajo un cielo iluminado por la luna
city: en la ciudad, delante de edificios altos, en una calle de la ciudad
    | en el centro urbano, ante una hilera de rascacielos
desert: en el desierto, en un desierto con un cactus, sobre la arena | entre las dunas, en un paisaje árido
snow: en la nieve, en un lugar nevado, bajo la nieve | en un paisaje invernal, durante una ventisca
room: en una habitación, dentro de una habitación, delante de una pared con una ventana
    | en un interior, en el salón
checkerboard: en un tablero de ajedrez, delante de cuadros grises y blancos, sobre un fondo de cuadros
    | ante un dibujo ajedrezado, sobre un fondo embaldosado
forest: en el bosque, dentro del bosque, delante de muchos árboles | en una zona boscosa, entre la espesura
""".replace("\n    |", " |")
)

DEEDS = table(
    """
moves_left: moverse hacia la izquierda, ir hacia la izquierda, deslizarse hacia la izquierda, ir de derecha a izquierda
    | desplazarse hacia el lado izquierdo, avanzar rumbo a la izquierda
moves_right: moverse hacia la derecha, ir hacia la derecha, deslizarse hacia la derecha, ir de izquierda a derecha
    | desplazarse hacia el lado derecho, avanzar rumbo a la derecha
rises: subir, elevarse, ir hacia arriba, subir hasta arriba | ascender, alzarse, remontar el vuelo
falls: caer, caerse, caer al suelo | desplomarse, precipitarse hacia abajo
bounces: rebotar, botar, dar botes | rebotar una y otra vez, brincar arriba y abajo
spins: girar, girar sobre ^, dar vueltas sobre ^ | rotar, hacer piruetas, voltearse
grows: crecer, agrandarse, hacerse más grande | expandirse, hincharse, aumentar de tamaño
shrinks: encoger, encogerse, hacerse más {pequeño} | menguar, contraerse, disminuir de tamaño
fades: desvanecerse, desaparecer, volverse invisible | esfumarse, disolverse en la nada
appears: aparecer, aparecer de la nada, hacerse visible | surgir, materializarse
blinks: parpadear, parpadear sin parar | centellear, titilar
jumps: saltar hacia la derecha, saltar por la pantalla, dar tres saltos | brincar por la imagen, avanzar a brincos
zigzags: zigzaguear por la pantalla, avanzar en zigzag | serpentear por la imagen, culebrear arriba y abajo
swings: balancearse de un lado a otro, balancearse de izquierda a derecha | mecerse, oscilar como un péndulo
shakes: temblar, temblar todo el tiempo, sacudirse | vibrar, estremecerse, agitarse
recolours: volverse %, ponerse % | pasar $de %a, adquirir un tono %m
loops: moverse en círculo, dar vueltas en círculo, volar en círculo | trazar un anillo, describir círculos
chases: perseguir @a, correr detrás de @, seguir @a | dar caza @a, lanzarse tras @
collides: chocar con @, chocar contra @, golpearse contra @ | colisionar con @, estrellarse contra @
meets: encontrarse con @, reunirse con @, salir al encuentro de @ | toparse con @, ir de frente hacia @
passes: pasar junto a @, pasar al lado de @, cruzarse con @ | cruzar el camino de @, pasar por delante de @
orbits: girar alrededor de @, dar vueltas alrededor de @, moverse alrededor de @
    | orbitar en torno a @, describir órbitas en torno a @
leaps_over: saltar por encima de @, saltar sobre @ | brincar por encima de @, pasar de un brinco sobre @
hides: esconderse detrás de @, ponerse detrás de @, desaparecer detrás de @ | ocultarse tras @, refugiarse tras @
pushes: empujar @q, mover a empujones @q | impulsar @q, dar empujones @a
""".replace("\n    |", " |")
)

PACES = table("""
slow: lentamente, despacio | pausadamente, sin prisa
fast: rápidamente, deprisa | velozmente, con rapidez
""")

SOUNDS = table("""
whoosh: un silbido, un zumbido de aire | un siseo
rising_tone: un tono ascendente, un tono cada vez más agudo | una nota que sube
falling_tone: un tono descendente, un tono cada vez más grave | una nota que baja
thump: golpes sordos, unos golpes apagados | unos porrazos
whirr: un zumbido mecánico, un runrún | un ruido de engranajes
hum: un murmullo, un tono suave | una nota sostenida
chime: un carillón, un toque breve y claro | una melodía centelleante
beep: pitidos, unos bips | señales electrónicas
boing: un boing, un ruido de muelle | un chasquido elástico
creak: crujidos, un chirrido | unas bisagras oxidadas
rattle: un traqueteo, un repiqueteo | un golpeteo
footsteps: unos pasos rápidos, pasos | pies que corretean
bang: un estruendo, un golpe fuerte | un impacto estrepitoso
ding: un ding, una campanilla | un tintineo
scrape: un roce, un ruido de arrastre | un rechinar
engine: un motor, un motor en marcha | un motor acelerando
horn: una bocina, la bocina de un barco | una sirena de niebla
chirp: gorjeos, el canto de un pájaro | unos trinos
roar: un rugido, un fragor | un rumor atronador
tick: un tictac, el tictac de un reloj | un ritmo de péndulo
meow: un miau, maullidos | un animal que ronronea
wind: viento, el viento que sopla | una brisa aullante
waves: olas, el rumor del agua | el oleaje
crickets: grillos, insectos nocturnos | cigarras
traffic: tráfico, ruido de la calle | camiones que pasan
""")

FILM = Wording(
    ("un vídeo de", "un vídeo corto de", "una animación de", "un clip con", "unos dibujos animados con"),
    ("imágenes filmadas de", "una secuencia animada con"),
)
SEEK = Wording(
    ("busca el clip donde", "el vídeo en el que", "enséñame el vídeo donde", "quiero el vídeo en el que"),
    ("recupera la escena en la que", "estoy buscando la grabación donde"),
)
CHAT = Wording(
    (
        "bueno, pues está {this}, y simplemente {deed}.",
        "¡mira, {a} que {deed}!",
        "veo {a} que {deed}.",
        "vale, aquí tenemos {a}, y {deed}.",
    ),
    ("¡anda, {a} que {deed}!", "curiosa peliculita, con {a} que {deed}."),
)
STAYS = Wording(("está ~", "permanece ~", "se encuentra ~", "se queda ~"), ("aguarda ~", "permanece inmóvil ~"))
HEARING = Wording((", con @ de fondo", " y oímos @", " y puedes oír @"), (", {acompañado} de @", ", al son de @"))
HEARD = Wording(
    ("puedes oír @.", "oigo @.", "oímos @.", "podemos oír @."), ("la banda sonora contiene @.", "percibo @.")
)
SILENTLY = Wording(("sin ningún sonido", "en silencio", "sin sonido"), ("silenciosamente", "sin el menor ruido"))
SILENT = Wording(
    ("no hay sonido.", "todo está en silencio.", "no se oye nada."), ("el audio está mudo.", "reina el silencio.")
)
NEXT = Wording(("y luego", "y después", "y entonces"), ("y a continuación", "y acto seguido"))
NEAR = Wording(("al lado de", "cerca de", "junto a"), ("en las inmediaciones de", "a poca distancia de"))
VOICE = Wording(("una voz", "alguien"), ("un locutor", "una narradora"))
SAYS = Wording(("dice", "está diciendo"), ("pronuncia", "declara"))
READS = Wording(
    ("está escrita la palabra @ ~", "se puede leer @ ~", "aparece el texto @ ~", "se lee @ ~"),
    ("figura la inscripción @ ~", "unas letras forman @ ~"),
)
WITH = Wording(("con la palabra @", "con el texto @"), ("con la inscripción @", "con el rótulo @"))
MANY = {"está escrita la palabra @": "están escritas las palabras @", "la palabra @": "las palabras @"}

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
        "un una el la los las unos unas del al de y e se que con en por bajo sobre está hay donde ante hacia sin tras "
        "este esta mientras aquí a junto no"
    ),
)
