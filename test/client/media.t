#!/bin/sh
# Reading an image and a PDF.
. "$(dirname "$0")/lib.sh"

# one red dot
base64 -d >"$work/dot.png" <<END
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==
END
cat >"$work/doc.pdf" <<'END'
%PDF-1.4
1 0 obj
<< /Type /Catalog /Pages 2 0 R >>
endobj
2 0 obj
<< /Type /Pages /Kids [3 0 R] /Count 1 >>
endobj
3 0 obj
<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>
endobj
trailer
<< /Root 1 0 R /Size 4 >>
%%EOF
END
serve openai UP_FILES=openai <<END
when "see dot.png"
times 1
call Read {"file_path":"$work/dot.png"}
when "see dot.png"
times 1
text "A red dot."
when "read doc.pdf"
times 1
call Read {"file_path":"$work/doc.pdf"}
when "read doc.pdf"
times 1
text "An empty page."
END
claude "Please see dot.png."
said 'image' 'A red dot.'
last=$(last_sent)
has 'the image goes upstream' "$last" '"type":"image_url","image_url":{"url":"data:image/'
has 'as it was' "$last" "$(base64 -w 0 "$work/dot.png" | cut -c 1-40)"
claude "Please read doc.pdf."
said 'PDF' 'An empty page.'
last=$(last_sent)
has 'the document goes upstream' "$last" 'data:application/pdf;base64,'
has 'as it was' "$last" "$(base64 -w 0 "$work/doc.pdf")"
all_taken

serve openai <<END
when "read doc.pdf"
times 1
call Read {"file_path":"$work/doc.pdf"}
when "read doc.pdf"
times 1
text "It was left out."
END
claude "Please read doc.pdf."
said 'PDF where files are not taken' 'It was left out.'
hasnt 'no file part then' "$(last_sent)" '"type":"file"'
all_taken
alive
